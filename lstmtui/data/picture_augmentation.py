"""From the pixels of a picture to the input of a network: moved in training, as ink, cut into patches.

    move      shifted, scaled and rotated about its middle, by bilinear interpolation; white paper comes in at the edges
    ink       0 is white paper, INK_OF_BLACK black, in each of the three colours
    patches   of `patch` pixels a side, row by row: each is one vector
    edges     their directions in each quarter of a patch, behind its pixels, see `picture_edges`

A picture is never mirrored, as captions tell left from right, and its colours are never changed, as flags and skin
tones differ by them. All random numbers of a picture come from its own generator, so that a resumed run sees the same.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import PictureSettings
from lstmtui.data.picture_edges import edge_numbers, edges
from lstmtui.data.pictures import CHANNELS, WHITE, Pixels

Ink = NDArray[np.float32]

INK_OF_BLACK = 3.0
"""So that the standard deviation is about 1: it is 0.9 of the pixels of emoji, 1.3 of those of line icons."""


def prepare(pixels: Pixels, s: PictureSettings, rng: np.random.Generator | None = None) -> Ink:
    """Return the input (S, D) of a network for a picture (side, side, 3); `rng` draws how it is moved, None: not."""
    values = pixels if rng is None else _moved(pixels, s, rng)
    ink = np.float32(WHITE) - values
    ink *= np.float32(INK_OF_BLACK / WHITE)
    found = patches(ink, s.patch)
    return np.concatenate([found, edges(ink, s.patch, s.edges)], axis=1) if s.edges else found


def vector_size(patch: int, directions: int) -> int:
    """Return the numbers of the vector of a patch."""
    return CHANNELS * patch**2 + (edge_numbers(patch, directions) if directions else 0)


def patches(values: Ink, patch: int) -> Ink:
    """Return a picture (side, side, C) as its patches (S, patch * patch * C), row by row, each row by row."""
    side, _, channels = values.shape
    count = side // patch
    found = values.reshape(count, patch, count, patch, channels).swapaxes(1, 2)
    return found.reshape(count * count, patch * patch * channels)


def picture_of(vectors: Ink, patch: int) -> Pixels:
    """Undo `prepare`, of a picture that was moved too: return the pixels (side, side, 3)."""
    count = math.isqrt(len(vectors))
    by_patch = vectors[:, : CHANNELS * patch**2].reshape(count, count, patch, patch, CHANNELS)
    ink = by_patch.swapaxes(1, 2).reshape(count * patch, count * patch, CHANNELS)
    found: Pixels = (WHITE - ink * (WHITE / INK_OF_BLACK)).round().clip(0, WHITE).astype(np.uint8)
    return found


def _moved(pixels: Pixels, s: PictureSettings, rng: np.random.Generator) -> Pixels:
    """Return the pixels (side, side, 3) of a picture that is shifted, scaled and rotated."""
    # Drawn whatever the settings are, so that a setting does not change what the others draw.
    down, right, scale, angle = rng.uniform(-1, 1, 4) * (s.shift, s.shift, s.scale, math.radians(s.rotate))
    if not down and not right and not scale and not angle:
        return pixels
    from PIL import Image as pillow  # noqa: N813  (a module with the name of its class)

    middle = len(pixels) / 2
    cos, sin = math.cos(angle) / (1 + scale), math.sin(angle) / (1 + scale)
    # Where each pixel comes from: a * column + b * row + c, and the same for its row. By Pillow, which takes less than
    # half the time of NumPy's functions (0.4 ms a picture for 1.0) and leaves the interpreter to others.
    column = (cos, -sin, middle - cos * (middle + right) + sin * (middle + down))
    row = (sin, cos, middle - sin * (middle + right) - cos * (middle + down))
    moved = pillow.fromarray(pixels).transform(
        pixels.shape[:2], pillow.Transform.AFFINE, (*column, *row), pillow.Resampling.BILINEAR,
        fillcolor=(WHITE, WHITE, WHITE),
    )  # fmt: skip
    return np.asarray(moved)
