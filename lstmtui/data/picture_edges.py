"""Edges of a picture by their direction, in each quarter of a patch.

What a shape is lies in the directions of its edges. A network learns them from a few thousand pictures much later than
it learns the pixels of these by heart, so they are given to it.

    gradient    of the mean of the colours, by central differences
    directions  each edge counts for the directions nearest to its own, light to dark as dark to light
    quarters    the sum over the pixels of each quarter of a patch
    normalise   by the root of the squares in the patch and half a patch around it

Source: Dalal and Triggs 2005, Histograms of oriented gradients for human detection, without interpolation in space.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

QUARTERS = 2
"""Of a side of a patch."""
FAINTEST = 0.5
"""Root of the squares below which edges are not raised: noise stays faint."""
SCALE = 8.0
"""So that the standard deviation of what is not 0 is about 1."""


def edge_numbers(patch: int, directions: int) -> int:
    """Return how many numbers a patch has."""
    return directions * _quarters(patch) ** 2


def edges(ink: Values, patch: int, directions: int) -> Values:
    """Return the edges (S, edge_numbers) of each patch of a picture (side, side, C), patches row by row."""
    count, quarters = len(ink) // patch, _quarters(patch)
    cells = count * quarters
    found = _cell_sums(_by_direction(_mean(ink), directions), cells)
    found /= _energy(found, quarters)
    own = found.reshape(directions, count, quarters, count, quarters).transpose(1, 3, 2, 4, 0)
    return np.ascontiguousarray(own).reshape(count * count, -1)


def _quarters(patch: int) -> int:
    """Return how many parts of a side of a patch are told apart."""
    return QUARTERS if patch % QUARTERS == 0 else 1


def _mean(ink: Values) -> Values:
    """Return the mean of the channels; a third of the time of np.mean, which reduces three numbers at a time."""
    total: Values = functools.reduce(np.add, (ink[..., k] for k in range(ink.shape[2])))
    total *= np.float32(1 / ink.shape[2])
    return total


def _cell_sums(values: Values, cells: int) -> Values:
    """Return the sums (K, cells, cells) over the squares of values (K, side, side); not by np.sum, as `_mean`."""
    kinds, side, _ = values.shape
    width = side // cells
    rows = values.reshape(kinds, cells, width, side)
    total = functools.reduce(np.add, (rows[:, :, k] for k in range(width))).reshape(kinds, cells, cells, width)
    found: Values = functools.reduce(np.add, (total[..., k] for k in range(width)))
    return found


def _by_direction(grey: Values, directions: int) -> Values:
    """Return how strong an edge each pixel is in each direction (directions, side, side)."""
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    np.subtract(grey[2:], grey[:-2], out=down[1:-1])
    np.subtract(grey[:, 2:], grey[:, :-2], out=right[:, 1:-1])
    cos, sin = _units(directions)
    found = cos * right
    found += sin * down
    np.abs(found, out=found)
    # The component along a direction, less what an edge halfway to the next but one has: of neighbours alone.
    found -= np.sqrt(down * down + right * right) * np.float32(math.cos(math.pi / directions))
    return np.maximum(found, 0, out=found)


@functools.cache
def _units(directions: int) -> tuple[Values, Values]:
    """Return each direction as a step to the right and a step down, (directions, 1, 1) each."""
    angles = np.arange(directions)[:, None, None] * math.pi / directions
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _energy(found: Values, quarters: int) -> Values:
    """Return what the edges (directions, cells, cells) of each patch are divided by, for each of its cells."""
    cells, window = found.shape[1], range(quarters + 2)
    squares = np.pad((found * found).sum(axis=0), 1)
    rows: Values = functools.reduce(np.add, (squares[k : k + cells : quarters] for k in window))
    both: Values = functools.reduce(np.add, (rows[:, k : k + cells : quarters] for k in window))
    divisor: Values = np.sqrt(both + np.float32(FAINTEST**2)) / np.float32(SCALE)
    return divisor.repeat(quarters, axis=0).repeat(quarters, axis=1)
