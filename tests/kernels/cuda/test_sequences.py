"""Sequences reversed and padded on the GPU, or its simulator, as on the processor."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import sequences as on_the_processor
from lstm_kernels.cuda import arrays, sequences

LENGTHS = np.array([4, 0, 1, 3], np.int32)


@pytest.mark.parametrize("name", ["reverse", "cut"])
def test_agrees_with_the_processor(name):
    x = np.random.default_rng(1).normal(size=(4, 4, 3))
    expected, found = np.empty_like(x), arrays.to_device(np.full((4, 4, 6), np.nan))
    getattr(on_the_processor, name)(x, LENGTHS, expected, 1)
    getattr(sequences, name)(arrays.to_device(x), arrays.to_device(LENGTHS), found[:, :, 3:], 1)
    np.testing.assert_array_equal(arrays.to_host(found)[:, :, 3:], expected)
