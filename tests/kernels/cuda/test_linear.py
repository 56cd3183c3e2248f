from __future__ import annotations

import numpy as np
import pytest
from kernels_cuda import CUDA
from kernels_network import packed
from lstm_kernels.cuda import linear
from lstm_kernels.cuda.arrays import host, taken


@pytest.mark.parametrize(("N", "D", "M"), [(5, 3, 4), (1, 1, 1), (2, 5, 3)])
def test_forward_and_gradients(N, D, M):
    rng = np.random.default_rng([N, D, M])
    x, W, b, dout = rng.normal(size=(N, D)), rng.normal(size=(M, D)), rng.normal(size=M), rng.normal(size=(N, M))
    out, dx, dW, db = (taken(np.ones(shape)) for shape in ((N, M), (N, D), (M, D), M))
    W_, dout_ = taken(W), taken(dout)
    linear.forward(taken(x), packed(W_, "float64", CUDA), taken(b), out, 1)
    np.testing.assert_allclose(host(out), x @ W.T + b, rtol=1e-11, atol=1e-11)
    linear.backward_input(dout_, W_, dx, "float64", 1)
    np.testing.assert_allclose(host(dx), dout @ W, rtol=1e-11, atol=1e-11)
    linear.backward_input(dout_, W_, dx, "float64", 1, add=True)
    np.testing.assert_allclose(host(dx), 2 * dout @ W, rtol=1e-11, atol=1e-11)
    linear.backward_weights(dout_, taken(x), dW, db, "float64", 1)
    np.testing.assert_allclose(host(dW), dout.T @ x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(host(db), dout.sum(0), rtol=1e-11, atol=1e-11)
    linear.backward_weights(dout_, taken(x), dW, db, "float64", 1, add=True)
    np.testing.assert_allclose(host(dW), 2 * dout.T @ x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(host(db), 2 * dout.sum(0), rtol=1e-11, atol=1e-11)


def test_rows_may_lie_apart():
    """As the gates of a GRU do whose W_hh has another gradient than W_ih."""
    rng = np.random.default_rng(0)
    wide, x, dW = rng.normal(size=(4, 6)), rng.normal(size=(4, 3)), np.zeros((4, 3))
    to = taken(dW)
    linear.backward_weights(taken(wide)[:, :4], taken(x), to, None, "float64", 1)
    np.testing.assert_allclose(host(to), wide[:, :4].T @ x, rtol=1e-11, atol=1e-11)
