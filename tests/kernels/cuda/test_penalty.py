"""Penalties on a GPU or its simulator, beside those of the processor."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import penalty as cpu_penalty
from lstm_kernels.cuda import penalty
from lstm_kernels.cuda.arrays import to_device, to_host


@pytest.mark.parametrize("first", [True, False])
def test_penalties_and_gradients_agree_with_the_processor(first):
    rng = np.random.default_rng(1)
    h, dh, before = rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 2, 3)), rng.normal(size=(2, 3))
    on, dh_, before_ = to_device(h), to_device(dh), to_device(before)
    found, expected = penalty.square_sums(1), cpu_penalty.square_sums(1)
    penalty.temporal(on, dh_, before_, 0.7, first, found, 1)
    cpu_penalty.temporal(h, dh, before, 0.7, first, expected, 1)
    assert to_host(found).sum() == pytest.approx(expected.sum(), rel=1e-12)
    np.testing.assert_allclose(to_host(dh_), dh, rtol=1e-12)
    np.testing.assert_allclose(to_host(before_), before, rtol=1e-12)
    x, dx = h.reshape(-1), np.ones(h.size)
    dx_ = to_device(dx)
    penalty.activation(on.reshape(h.size), dx_, 0.7, found, 1)  # added to what is there
    cpu_penalty.activation(x, dx, 0.7, expected, 1)
    assert to_host(found).sum() == pytest.approx(expected.sum(), rel=1e-12)
    np.testing.assert_allclose(to_host(dx_), dx, rtol=1e-12)
