from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cuda import linear
from lstm_kernels.cuda.arrays import to_device, to_host
from support.cuda_kernels import CUDA
from support.layer_cases import packed


@pytest.mark.parametrize(("N", "D", "M"), [(5, 3, 4), (1, 1, 1), (2, 5, 3)])
def test_forward_and_gradients(N, D, M):
    rng = np.random.default_rng([N, D, M])
    x, W, b, dout = rng.normal(size=(N, D)), rng.normal(size=(M, D)), rng.normal(size=M), rng.normal(size=(N, M))
    out, dx, dW, db = (to_device(np.ones(shape)) for shape in ((N, M), (N, D), (M, D), M))
    W_, dout_ = to_device(W), to_device(dout)
    linear.forward(to_device(x), packed(W_, "float64", CUDA), to_device(b), out, 1)
    np.testing.assert_allclose(to_host(out), x @ W.T + b, rtol=1e-11, atol=1e-11)
    linear.backward_input(dout_, W_, dx, "float64", 1)
    np.testing.assert_allclose(to_host(dx), dout @ W, rtol=1e-11, atol=1e-11)
    linear.backward_input(dout_, W_, dx, "float64", 1, add=True)
    np.testing.assert_allclose(to_host(dx), 2 * dout @ W, rtol=1e-11, atol=1e-11)
    linear.backward_weights(dout_, to_device(x), dW, db, "float64", 1)
    np.testing.assert_allclose(to_host(dW), dout.T @ x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(to_host(db), dout.sum(0), rtol=1e-11, atol=1e-11)
    linear.backward_weights(dout_, to_device(x), dW, db, "float64", 1, add=True)
    np.testing.assert_allclose(to_host(dW), 2 * dout.T @ x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(to_host(db), 2 * dout.sum(0), rtol=1e-11, atol=1e-11)


def test_rows_may_be_further_apart_than_their_length():
    """As the gates of a GRU do whose W_hh has another gradient than W_ih."""
    rng = np.random.default_rng(0)
    wide, x, dW = rng.normal(size=(4, 6)), rng.normal(size=(4, 3)), np.zeros((4, 3))
    to = to_device(dW)
    linear.backward_weights(to_device(wide)[:, :4], to_device(x), to, None, "float64", 1)
    np.testing.assert_allclose(to_host(to), wide[:, :4].T @ x, rtol=1e-11, atol=1e-11)
