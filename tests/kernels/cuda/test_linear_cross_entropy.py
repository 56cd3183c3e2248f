"""Linear layer and cross-entropy in one on the GPU, or its simulator, with smoothed labels and ignored targets."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cuda.arrays import to_device, to_host
from lstm_kernels.cuda.linear_cross_entropy import LinearCrossEntropy
from lstm_kernels.interface import Smoothing
from support import naive


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_agrees_with_reference(precision, tolerance, smoothing):
    N, D, V = 4, 3, 9
    random = np.random.default_rng(1)
    x, W, b = (random.normal(size=shape).astype(precision) for shape in ((N, D), (V, D), V))
    targets = np.array([8, -1, 0, 3], np.int32)
    *expected, dlogits = naive.smoothed_cross_entropy(x.astype(np.float64) @ W.T + b, targets, smoothing)
    expected += [0.5 * dlogits @ W, 0.5 * dlogits.T @ x, 0.5 * dlogits.sum(axis=0)]
    loss = LinearCrossEntropy(N, D, V, np.dtype(precision), precision)
    nll, uniform, dx, dW, db = (to_device(np.full(a.shape, np.nan, precision)) for a in (targets, targets, x, W, b))
    x, W, b, targets = (to_device(a) for a in (x, W, b, targets))
    loss.forward(x, W, b, targets, nll, 0.5, 1, Smoothing(smoothing, uniform))
    loss.backward(x, W, targets, dx, dW, db, 1)
    for got, wanted in zip((nll, uniform, dx, dW, db), expected, strict=True):
        np.testing.assert_allclose(to_host(got), wanted, atol=tolerance)
    assert not to_host(dx)[1].any()
    assert to_host(nll)[1] == to_host(uniform)[1] == 0
