"""Patches as frequencies: the cosine transform of each, in brightness and two differences of colours.

    frequencies(ink, 8)     of each patch of a picture, where its pixels are; numbers of about one size
    ink_of(values, 8)       the same picture again

Neighbouring pixels are nearly alike, so that of the pixels of a patch one direction, its mean, has a standard deviation
of 9, the tenth 1 and the eightieth 0.1 (emoji); a network learns the mean first and the shapes long after it. Each
frequency is divided by its usual size instead, which falls with it alike in emoji and icons. The loss in training was
2.41 for 2.62 after 800 steps (emoji, GRU of 64 units).

Source: Ahmed, Natarajan and Rao 1974, Discrete cosine transform.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ink = NDArray[np.float32]

_COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]])
"""Brightness, red against blue, and both against green."""
_SIZES = np.array([9.0, 4.5, 2.1])
"""The usual size of the lowest frequency of each, of a patch of 8 pixels a side, in ink."""
_FALL = 1.25
"""How fast sizes fall: those of emoji fall with 1.63, and so high frequencies stay a little smaller than low ones."""
_MEASURED = 8


class _Basis(NamedTuple):
    """What the pixels of a patch are multiplied by; all of it but the sizes undoes itself when it is transposed."""

    down: Ink
    """(patch, patch): the waves from top to bottom."""
    across: Ink
    """(3 patch, 3 patch): those from left to right, with the colours."""
    sizes: Ink
    """(patch, 1, patch, 3)"""


def frequencies(ink: Ink, patch: int) -> Ink:
    """Return the frequencies (side, side, 3) of the patches of a picture (side, side, 3)."""
    down, across, sizes = _basis(patch)
    found = _multiplied(ink, patch, down, across).reshape(-1, patch, len(ink) // patch, patch, 3)
    return (found / sizes).reshape(ink.shape)


def ink_of(values: Ink, patch: int) -> Ink:
    """Undo `frequencies`."""
    down, across, sizes = _basis(patch)
    scaled = values.reshape(-1, patch, len(values) // patch, patch, 3) * sizes
    return _multiplied(scaled.reshape(values.shape), patch, down.T, across.T)


def _multiplied(values: Ink, patch: int, down: Ink, across: Ink) -> Ink:
    """Return a picture whose patches are multiplied by both matrices.

    A row of patches at a time: products of a whole picture would start the threads of BLAS, which takes 80 times as
    long on a busy machine.
    """
    count = len(values) // patch
    found = np.matmul(down, values.reshape(count, patch, -1))
    found = np.matmul(found.reshape(count, patch * count, 3 * patch), across)
    return np.ascontiguousarray(found.reshape(values.shape), np.float32)


@functools.cache
def _basis(patch: int) -> _Basis:
    n = np.arange(patch)
    waves = np.cos(np.pi * (n + 0.5) * n[:, None] / patch) * np.sqrt(2 / patch)
    waves[0] /= np.sqrt(2)
    colours = _COLOURS / np.linalg.norm(_COLOURS, axis=1, keepdims=True)
    sizes = _SIZES * patch / _MEASURED / (1 + n[:, None, None] + n[:, None]) ** _FALL
    across = np.einsum("bj,qc->jcbq", waves, colours).reshape(3 * patch, -1)
    return _Basis(waves.astype(np.float32), across.astype(np.float32), sizes[:, None].astype(np.float32))
