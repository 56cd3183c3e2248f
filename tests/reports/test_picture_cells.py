"""Pictures as cells of a terminal."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.reports.picture_cells import DIMMED, cells_of, half_blocks, lit, scaled, shades

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def quarters(side=4):
    """Return a picture: red, white above white, blue."""
    found = np.full((side, side, 3), 255, np.uint8)
    found[: side // 2, : side // 2] = RED
    found[side // 2 :, side // 2 :] = BLUE
    return found


@pytest.mark.parametrize(
    ("picture", "room", "cells"),
    [
        ((64, 64), (80, 20), (40, 20)), ((64, 64), (30, 40), (30, 15)), ((10, 100), (80, 20), (80, 4)),
        ((1, 1), (1, 1), (1, 1)), ((64, 64), (0, 0), (1, 1)),
    ],
)  # fmt: skip
def test_a_picture_keeps_its_proportions(picture, room, cells):
    assert cells_of(*picture, *room) == cells


def test_colours_are_those_of_the_pixels_upper_and_lower():
    assert half_blocks(quarters(), 2, 1) == [[("#ff0000", "#ffffff"), ("#ffffff", "#0000ff")]]
    assert half_blocks(quarters(), 4, 2) == [
        [("#ff0000", "#ff0000")] * 2 + [("#ffffff", "#ffffff")] * 2,
        [("#ffffff", "#ffffff")] * 2 + [("#0000ff", "#0000ff")] * 2,
    ]


def test_pixels_of_a_cell_are_averaged_and_small_pictures_are_enlarged():
    assert scaled(quarters(), 1, 1).round().tolist() == [[[191, 128, 191]]]
    assert scaled(quarters(2), 4, 4).astype(np.uint8).tolist() == quarters().tolist()
    assert scaled(np.arange(27.0).reshape(3, 3, 3), 2, 3).shape == (2, 3, 3)


def test_what_was_looked_at_stays_bright_and_the_rest_is_dimmed():
    bright = lit(np.full((8, 8, 3), 200.0), [[0.0, 0.5], [0.0, 0.0]])
    assert bright[0, 7] == pytest.approx(200)
    assert bright[7, 0] == pytest.approx(200 * DIMMED)
    along = bright[0, :, 0]
    assert (np.diff(along) >= 0).all()
    assert len(set(along.tolist())) > 2  # no edge between patches
    same = np.full((2, 2, 3), 9.0)
    assert lit(same, [[0.0]]) is same


def test_shades_are_ink_and_are_dimmed_likewise():
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, 4:] = 255
    assert shades(picture, 8, 2) == ["████    ", "████    "]
    assert shades(picture, 8, 2, plain=True) == ["####    ", "####    "]
    looked = shades(picture, 8, 2, [[1.0, 0.0, 0.0, 0.0]], plain=True)
    assert looked[0][0] == "#"
    assert looked[0][3] in ".:"
