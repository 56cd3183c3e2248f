"""Dropout on a GPU or its simulator, beside that of the processor."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import dropout as cpu_dropout
from lstm_kernels.cuda import dropout
from lstm_kernels.cuda.arrays import to_device, to_host


@pytest.mark.parametrize("key", [5, -5, 2**64 + 5])
def test_masks_equal_those_of_the_processor(key):
    mask, expected = to_device(np.empty((3, 5), np.float32)), np.empty((3, 5), np.float32)
    dropout.locked_mask(mask, 0.3, key)
    cpu_dropout.locked_mask(expected, 0.3, key)
    np.testing.assert_array_equal(to_host(mask), expected)
    W = np.random.default_rng(0).normal(size=17).astype(np.float32)
    out, back, dropped = to_device(np.empty_like(W)), to_device(W), np.empty_like(W)
    dropout.drop_weights(to_device(W), out, 0.4, key, 1)
    dropout.drop_weights_backward(back, 0.4, key, 1)
    cpu_dropout.drop_weights(W, dropped, 0.4, key, 1)
    np.testing.assert_array_equal(to_host(out), dropped)
    np.testing.assert_array_equal(to_host(back), dropped)


def test_masks_are_applied():
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(3, 2, 5)), rng.normal(size=(2, 5))
    on, out = to_device(x), to_device(np.empty_like(x))
    dropout.apply(on, to_device(mask), out, 1)
    np.testing.assert_array_equal(to_host(out), x * mask)
    dropout.apply(on, to_device(mask), on, 1)
    np.testing.assert_array_equal(to_host(on), x * mask)
    tokens, factors, rows = np.array([2, 0, 2], np.int32), np.array([0.0, 2.0, 0.5]), to_device(x[:, 0].copy())
    dropout.scale_rows(rows, to_device(tokens), to_device(factors), 1)
    np.testing.assert_array_equal(to_host(rows), x[:, 0] * factors[tokens][:, None])
