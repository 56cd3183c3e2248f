"""From the pixels of a picture to the input of a network: moved in training, as ink, cut into patches.

    move      shifted, scaled and rotated about its middle, by bilinear interpolation; white paper comes in at the edges
    ink       0 is white paper, INK_OF_BLACK black, in each of the three colours
    patches   of `patch` pixels a side, row by row: each is one vector

A picture is never mirrored, as captions tell left from right, and its colours are never changed, as flags and skin
tones differ by them. All random numbers of a picture come from its own generator, so that a resumed run sees the same.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import PictureSettings
from lstmtui.data.pictures import WHITE, Pixels

Ink = NDArray[np.float32]

INK_OF_BLACK = 3.0
"""So that the standard deviation is about 1: it is 0.9 of the pixels of emoji, 1.3 of those of line icons."""


def prepare(pixels: Pixels, s: PictureSettings, rng: np.random.Generator | None = None) -> Ink:
    """Return the input (S, D) of a network for a picture (side, side, 3); `rng` draws how it is moved, None: not."""
    values = pixels if rng is None else _moved(pixels, s, rng)
    ink = np.float32(WHITE) - values
    ink *= np.float32(INK_OF_BLACK / WHITE)
    return patches(ink, s.patch)


def patches(values: Ink, patch: int) -> Ink:
    """Return a picture (side, side, C) as its patches (S, patch * patch * C), row by row, each row by row."""
    side, _, channels = values.shape
    count = side // patch
    found = values.reshape(count, patch, count, patch, channels).swapaxes(1, 2)
    return found.reshape(count * count, patch * patch * channels)


def picture_of(vectors: Ink, patch: int) -> Pixels:
    """Undo `prepare`, of a picture that was moved too: return the pixels (side, side, 3)."""
    count = math.isqrt(len(vectors))
    ink = vectors.reshape(count, count, patch, patch, -1).swapaxes(1, 2).reshape(count * patch, count * patch, -1)
    found: Pixels = (WHITE - ink * (WHITE / INK_OF_BLACK)).round().clip(0, WHITE).astype(np.uint8)
    return found


def _moved(pixels: Pixels, s: PictureSettings, rng: np.random.Generator) -> NDArray[np.float32] | Pixels:
    """Return the values (side, side, 3) of a picture that is shifted, scaled and rotated."""
    # Drawn whatever the settings are, so that a setting does not change what the others draw.
    down, right, scale, angle = rng.uniform(-1, 1, 4) * (s.shift, s.shift, s.scale, math.radians(s.rotate))
    if not down and not right and not scale and not angle:
        return pixels
    side = len(pixels)
    middle = (side - 1) / 2
    cos, sin = math.cos(angle) / (1 + scale), math.sin(angle) / (1 + scale)
    rows, columns = (np.arange(side) - middle - shift for shift in (down, right))
    # Where each pixel comes from. Paper stands around the picture, one pixel wide, and nothing else beyond it.
    at = (np.add.outer(cos * rows, sin * columns) + middle, np.add.outer(-sin * rows, cos * columns) + middle)
    (top, below), (left, beside) = (_between(np.clip(positions, -1, side) + 1) for positions in at)
    # A fourth byte makes a pixel one number, which is gathered faster than three.
    paper = np.full((side + 3, side + 3, 4), WHITE, np.uint8)
    paper[1 : side + 1, 1 : side + 1, :3] = pixels
    whole, first = paper.view(np.uint32).ravel(), top * (side + 3) + left
    corners = (whole.take(first + step).view(np.uint8) for step in (0, 1, side + 3, side + 4))
    upper_left, upper_right, lower_left, lower_right = (
        corner.reshape(side, side, 4).astype(np.float32) for corner in corners
    )
    upper, lower = _mixed(upper_left, upper_right, beside), _mixed(lower_left, lower_right, beside)
    return _mixed(upper, lower, below)[..., :3]


def _between(positions: NDArray[np.float64]) -> tuple[NDArray[np.int64], Ink]:
    """Return the whole numbers below positions (side, side), and how far they lie above these (side, side, 1)."""
    whole = positions.astype(np.int64)
    return whole, (positions - whole).astype(np.float32)[..., None]


def _mixed(first: Ink, second: Ink, part: Ink) -> Ink:
    """Return `first` and this part of the way to `second`, both of which are overwritten."""
    second -= first
    second *= part
    first += second
    return first
