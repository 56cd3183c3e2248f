"""Edges of each quarter of a patch, by their direction."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.data.picture_edges import SCALE, edge_numbers, edges


def stripes(angle: float, side: int = 16) -> np.ndarray:
    """A picture that gets darker along a direction, `angle` degrees from right to down."""
    row, column = np.mgrid[:side, :side]
    at = np.cos(np.radians(angle)) * column + np.sin(np.radians(angle)) * row
    return np.repeat(at[..., None], 3, axis=2).astype(np.float32)


@pytest.mark.parametrize(("angle", "direction"), [(0, 0), (45, 1), (90, 2), (135, 3), (180, 0), (225, 1)])
def test_an_edge_counts_for_its_direction_alone_whichever_side_is_dark(angle, direction):
    found = edges(stripes(angle), 8, 4).reshape(4, 2, 2, 4)
    inner = found[0, 1, 1]  # no border of the picture
    assert inner.argmax() == direction
    assert inner[direction] > 0.4 * SCALE / 4
    assert np.abs(np.delete(inner, direction)).max() < 1e-4


def test_an_edge_between_two_directions_counts_for_neither_more():
    found = edges(stripes(20), 8, 9).reshape(4, 2, 2, 9)[0, 1, 1]
    assert found.argmax() == 1
    between = edges(stripes(22.5), 8, 4).reshape(4, 2, 2, 4)[0, 1, 1]
    np.testing.assert_allclose(between[0], between[1], rtol=1e-4)


def test_faint_and_strong_pictures_have_about_the_same_edges_and_blank_ones_none():
    ink = np.random.default_rng(1).random((16, 16, 3), dtype=np.float32) * 3
    np.testing.assert_allclose(edges(ink, 8, 9), edges(ink * 0.7, 8, 9), rtol=0.1)
    assert not edges(np.full((16, 16, 3), 2, np.float32), 8, 9).any()
    assert edges(ink * 1e-4, 8, 9).max() < 0.01  # noise is not raised


def test_quarters_stand_row_by_row_behind_one_another():
    ink = np.zeros((16, 16, 3), np.float32)
    ink[9:12, 13] = 3  # in the upper right quarter of the last patch
    found = edges(ink, 8, 9)
    assert found.shape == (4, edge_numbers(8, 9))
    assert found.dtype == np.float32
    strength = found.reshape(4, 2, 2, 9).sum(axis=3)
    assert strength[3, 0, 1] > 0
    assert strength[:3].sum() == 0
    assert strength[3, 1, 0] == 0


@pytest.mark.parametrize(("patch", "numbers"), [(8, 36), (5, 9), (1, 9)])
def test_a_patch_that_cannot_be_halved_has_no_quarters(patch, numbers):
    assert edge_numbers(patch, 9) == numbers
    found = edges(np.random.default_rng(2).random((patch * 3, patch * 3, 3), dtype=np.float32), patch, 9)
    assert found.shape == (9, numbers)
    assert np.isfinite(found).all()
