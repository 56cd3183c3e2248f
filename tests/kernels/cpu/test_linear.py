from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import linear
from support.layer_cases import packed


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("N", "D", "M"), [(6, 3, 5), (1, 4, 7), (2, 1, 1), (1100, 7, 33), (101, 1030, 3)])
def test_forward_and_gradients(N, D, M, threads):
    rng = np.random.default_rng([N, D, M])
    x, W, b, dout = rng.normal(size=(N, D)), rng.normal(size=(M, D)), rng.normal(size=M), rng.normal(size=(N, M))
    out, dx, dW, db = np.full((N, M), np.nan), np.full((N, D), np.nan), np.full((M, D), np.nan), np.full(M, np.nan)
    linear.forward(x, packed(W, "float64"), b, out, threads)
    np.testing.assert_allclose(out, x @ W.T + b, rtol=1e-11, atol=1e-11)
    linear.backward_input(dout, W, dx, "float64", threads)
    np.testing.assert_allclose(dx, dout @ W, rtol=1e-11, atol=1e-11)
    linear.backward_input(dout, W, dx, "float64", threads, add=True)
    np.testing.assert_allclose(dx, 2 * dout @ W, rtol=1e-11, atol=1e-11)
    linear.backward_weights(dout, x, dW, db, "float64", threads)
    np.testing.assert_allclose(dW, dout.T @ x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(db, dout.sum(0), rtol=1e-11, atol=1e-11)
    linear.backward_weights(dout, x, dW, db, "float64", threads, add=True)
    np.testing.assert_allclose(dW, 2 * dout.T @ x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(db, 2 * dout.sum(0), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("threads", [1, 2])
def test_without_bias(threads):
    rng = np.random.default_rng(0)
    x, W, dout = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), rng.normal(size=(4, 5))
    out, dW = np.empty((4, 5)), np.full((5, 3), np.nan)
    linear.forward(x, packed(W, "float64"), None, out, threads)
    np.testing.assert_allclose(out, x @ W.T, rtol=1e-12)
    linear.backward_weights(dout, x, dW, None, "float64", threads)
    np.testing.assert_allclose(dW, dout.T @ x, rtol=1e-12)
