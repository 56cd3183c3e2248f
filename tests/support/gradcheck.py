"""Gradients by central differences, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def numerical_gradient(loss: Callable[[], float], array: np.ndarray, width: float = 1e-5) -> np.ndarray:
    """Return dloss/darray; `loss` reads `array`, which is changed in place and restored.

    The error is of the order of width^2 (here 1e-10) plus rounding / width (1e-11), for a loss around 1.
    """
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + width
        above = loss()
        array[index] = kept - width
        below = loss()
        array[index] = kept
        gradient[index] = (above - below) / (2 * width)
    return gradient


def assert_gradients_agree(got: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Fail unless the largest difference is within `tolerance` of the largest expected value."""
    assert got.shape == expected.shape
    if expected.size:
        scale = max(float(np.abs(expected).max()), 1e-3)
        assert float(np.abs(got - expected).max()) <= tolerance * scale
