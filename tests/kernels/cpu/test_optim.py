"""Updates against the formulas in NumPy float64, over several steps."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import optim

N, DECAYED = 37, 20


def arena(dtype, count):
    return np.random.default_rng(0).normal(size=(count, N)).astype(dtype)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm(dtype, threads):
    (g,) = arena(dtype, 1)
    assert optim.norm(g, threads) == pytest.approx(np.linalg.norm(g.astype(np.float64)), rel=1e-14)
    assert optim.norm(g * dtype(1e30), threads) == pytest.approx(1e30 * optim.norm(g, 1), rel=1e-6)  # beyond float32
    g[5] = np.nan
    assert np.isnan(optim.norm(g, threads))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_sgd(dtype, tolerance, threads):
    w, g = arena(dtype, 2)
    velocity, decay = np.zeros_like(w), np.where(np.arange(N) < DECAYED, 0.1, 0)
    w_ref, v_ref = w.astype(np.float64), np.zeros(N)
    for _ in range(3):
        optim.sgd(w, g, velocity, 0.2, 0.9, 0.1, DECAYED, 0.5, threads)
        v_ref = 0.9 * v_ref + 0.5 * g + decay * w_ref
        w_ref = w_ref - 0.2 * v_ref
    np.testing.assert_allclose(w, w_ref, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_adamw(dtype, tolerance, threads):
    w, g = arena(dtype, 2)
    m, v = np.zeros((2, N), dtype)
    w_ref, m_ref, v_ref = w.astype(np.float64), np.zeros(N), np.zeros(N)
    for step in (1, 2, 3):
        optim.adamw(w, g, m, v, 0.01, 0.9, 0.99, 1e-8, 0.1, DECAYED, 0.5, step, threads)
        w_ref = np.where(np.arange(N) < DECAYED, w_ref * (1 - 0.01 * 0.1), w_ref)
        m_ref = 0.9 * m_ref + 0.1 * 0.5 * g
        v_ref = 0.99 * v_ref + 0.01 * (0.5 * g.astype(np.float64)) ** 2
        w_ref = w_ref - 0.01 * m_ref / (1 - 0.9**step) / (np.sqrt(v_ref / (1 - 0.99**step)) + 1e-8)
    np.testing.assert_allclose(w, w_ref, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("threads", [1, 2])
def test_average(threads):
    ema, w = arena(np.float64, 2)
    expected = 0.9 * ema + 0.1 * w
    optim.average(ema, w, 0.9, threads)
    np.testing.assert_allclose(ema, expected, rtol=1e-12, atol=1e-14)
