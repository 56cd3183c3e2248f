"""Patches as frequencies: the cosine transform of each, in brightness and two differences of colours.

    frequencies(patches, 8)       numbers of about one size
    patches_of(frequencies, 8)    the same patches again

Neighbouring pixels are nearly alike, so that of the pixels of a patch one direction, its mean, has a standard deviation
of 9, the tenth 1 and the eightieth 0.1 (emoji); a network learns the mean first and the shapes long after it. Each
frequency is divided by its usual size instead, which falls with it alike in emoji and icons. The loss in training was
2.41 for 2.62 after 800 steps (emoji, GRU of 64 units).

Source: Ahmed, Natarajan and Rao 1974, Discrete cosine transform.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]])
"""Brightness, red against blue, and both against green."""
_SIZES = np.array([9.0, 4.5, 2.1])
"""The usual size of the lowest frequency of each, of a patch of 8 pixels a side, in ink."""
_FALL = 1.25
"""How fast sizes fall: those of emoji fall with 1.63, and so high frequencies stay a little smaller than low ones."""
_MEASURED = 8


def frequencies(patches: Vectors, patch: int) -> Vectors:
    """Return patches (S, patch * patch * 3) of ink as frequencies, as many."""
    found: Vectors = patches @ _basis(patch)[0]
    return found


def patches_of(vectors: Vectors, patch: int) -> Vectors:
    """Undo `frequencies`."""
    found: Vectors = vectors @ _basis(patch)[1]
    return found


@functools.cache
def _basis(patch: int) -> tuple[Vectors, Vectors]:
    """Return the matrices (D, D) there and back."""
    n = np.arange(patch)
    waves = np.cos(np.pi * (n + 0.5) * n[:, None] / patch) * np.sqrt(2 / patch)
    waves[0] /= np.sqrt(2)
    colours = _COLOURS / np.linalg.norm(_COLOURS, axis=1, keepdims=True)
    whole = np.einsum("ai,bj,qc->abqijc", waves, waves, colours).reshape(3 * patch**2, -1)
    sizes = _SIZES * patch / _MEASURED / (1 + n[:, None, None] + n[:, None]) ** _FALL
    scale = sizes.reshape(-1, 1)
    return np.ascontiguousarray((whole / scale).T, np.float32), np.ascontiguousarray(whole * scale, np.float32)
