"""Pictures are moved, never mirrored or recoloured, and become patches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.pictures import shape_picture

from lstmtui.config import PictureSettings
from lstmtui.data.picture_augmentation import INK_OF_BLACK, patches, picture_of, prepare, vector_size

STILL = {"shift": 0, "scale": 0.0, "rotate": 0.0}


class Drawn:
    """A generator that draws the same numbers always."""

    def __init__(self, *values: float) -> None:
        self._values = np.array(values)

    def uniform(self, low: float, high: float, size: int) -> np.ndarray:
        assert (low, high, size) == (-1, 1, len(self._values))
        return self._values


def moved(pixels, *values, patch=4, **settings):
    s = PictureSettings(side=len(pixels), patch=patch, **{**STILL, **settings})
    return picture_of(prepare(pixels, s, Drawn(*values)), patch)


def test_patches_stand_row_by_row():
    values = np.arange(4 * 4 * 3, dtype=np.float32).reshape(4, 4, 3)
    found = patches(values, 2)
    assert found.shape == (4, 12)
    assert (found[1] == values[:2, 2:].reshape(-1)).all()
    assert (found[2] == values[2:, :2].reshape(-1)).all()


def test_white_is_no_ink_and_pixels_survive_the_way_there_and_back():
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    pixels[0, 0], pixels[0, 1] = 255, 0
    vectors = prepare(pixels, PictureSettings(side=16, patch=8))
    assert vectors.shape == (4, vector_size(8, 9)) == (4, 8 * 8 * 3 + 4 * 9)
    assert vectors.dtype == np.float32
    assert vectors[0, :3].tolist() == [0, 0, 0]
    assert vectors[0, 3:6].tolist() == [INK_OF_BLACK] * 3
    assert (picture_of(vectors, 8) == pixels).all()


def test_edges_are_those_of_the_moved_picture_and_may_be_left_out():
    pixels = shape_picture("red", "left", 16)
    s = PictureSettings(side=16, patch=8)
    vectors = prepare(pixels, s, np.random.default_rng(3))
    again = picture_of(vectors, 8)
    np.testing.assert_allclose(vectors[:, 192:], prepare(again, s)[:, 192:], atol=0.02)
    assert vectors[:, 192:].any()
    without = prepare(pixels, dataclasses.replace(s, edges=0), np.random.default_rng(3))
    np.testing.assert_array_equal(without, vectors[:, :192])


def test_a_shift_moves_down_and_right_and_paper_comes_in():
    pixels = shape_picture("red", "left", 8)
    found = moved(pixels, 0.5, 1.0, 0, 0, shift=2)
    assert (found[1:, 2:] == pixels[:-1, :-2]).all()
    assert (found[0] == 255).all()
    assert (found[:, :2] == 255).all()
    assert (moved(pixels, -1, -1, 0, 0, shift=2)[:-2, :-2] == pixels[2:, 2:]).all()


def test_half_a_pixel_is_interpolated():
    pixels = np.full((4, 4, 3), 255, np.uint8)
    pixels[:, 2:] = 55
    assert moved(pixels, 0, 0.5, 0, 0, shift=1)[0, :, 0].tolist() == [255, 255, 155, 55]


def test_scale_is_about_the_middle():
    pixels = np.full((8, 8, 3), 255, np.uint8)
    pixels[3:5, 3:5] = 0
    larger = moved(pixels, 0, 0, 1.0, 0, scale=0.5)
    assert (larger[3:5, 3:5] == 0).all()
    assert (larger == larger[::-1, ::-1]).all()
    assert (larger < 255).sum() > (pixels < 255).sum()
    assert (moved(np.zeros_like(pixels), 0, 0, -1.0, 0, scale=0.5)[0] == 255).all()


def test_a_quarter_turn_is_one():
    pixels = shape_picture("blue", "top", 8)
    pixels[0, 0] = 9
    found = moved(pixels, 0, 0, 0, 1.0, rotate=90.0)
    # Interpolated values are rounded down.
    np.testing.assert_allclose(found.astype(int), np.rot90(pixels).astype(int), atol=1)


def test_nothing_moves_where_every_setting_is_0():
    pixels = np.random.default_rng(2).integers(0, 256, (8, 8, 3), np.uint8)
    assert (moved(pixels, 1, 1, 1, 1) == pixels).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_is_never_mirrored_or_recoloured(seed):
    pixels = shape_picture("red", "left", 32)
    s = PictureSettings(side=32, patch=8)
    found = picture_of(prepare(pixels, s, np.random.default_rng(seed)), 8).astype(int)
    red = found[..., 1] < 128
    assert red[8:24, :8].mean() > 0.3
    assert not red[:, 24:].any()
    assert (found[..., 0] == 255).all()
    assert (found[..., 1] == found[..., 2]).all()


def test_one_setting_does_not_change_what_the_others_draw():
    pixels = shape_picture("red", "top", 16)
    given = {"side": 16, "patch": 4}
    only_shift = PictureSettings(**given, **{**STILL, "shift": 3})
    alone = prepare(pixels, only_shift, np.random.default_rng(3))
    down, right = np.random.default_rng(3).uniform(-1, 1, 4)[:2]
    assert (picture_of(alone, 4) == moved(pixels, down, right, 0, 0, shift=3)).all()
