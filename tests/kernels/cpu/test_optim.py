"""Updates against the formulas in NumPy float64, over several steps."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import optim
from lstm_kernels.interface import Adam, FlatWeights, Update

N, DECAYED = 37, 20
SEVERAL_BLOCKS = 3 * optim.BLOCK + 5


def arena(dtype, count):
    return np.random.default_rng(0).normal(size=(count, N)).astype(dtype)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm(dtype, threads):
    (g,) = arena(dtype, 1)
    sums = np.empty(threads)
    expected = np.linalg.norm(g.astype(np.float64))
    assert optim.norm(g, sums, threads) == pytest.approx(expected, rel=1e-14)
    assert optim.norm(g * dtype(1e30), sums, threads) == pytest.approx(1e30 * expected, rel=1e-6)  # beyond float32
    g[5] = np.nan
    assert np.isnan(optim.norm(g, sums, threads))


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_sgd(dtype, tolerance, threads, averaged):
    w, g, ema = arena(dtype, 3)
    ema = ema if averaged else ema[:0]
    velocity, decay = np.zeros_like(w), np.where(np.arange(N) < DECAYED, 0.1, 0)
    w_ref, v_ref, ema_ref = w.astype(np.float64), np.zeros(N), ema.astype(np.float64)
    for _ in range(3):
        optim.sgd(FlatWeights(w, g, ema), velocity, 0.9, Update(0.2, 0.5, 0.1, DECAYED, 0.75), threads)
        v_ref = 0.9 * v_ref + 0.5 * g + decay * w_ref
        w_ref = w_ref - 0.2 * v_ref
        ema_ref = 0.75 * ema_ref + 0.25 * w_ref[: len(ema)]
    np.testing.assert_allclose(w, w_ref, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ema, ema_ref, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_adamw(dtype, tolerance, threads, averaged):
    w, g, ema = arena(dtype, 3)
    ema = ema if averaged else ema[:0]
    m, v = np.zeros((2, N), dtype)
    w_ref, m_ref, v_ref, ema_ref = w.astype(np.float64), np.zeros(N), np.zeros(N), ema.astype(np.float64)
    for step in (1, 2, 3):
        adam, update = Adam(m, v, 0.9, 0.99, 1e-8, step), Update(0.01, 0.5, 0.1, DECAYED, 0.75)
        optim.adamw(FlatWeights(w, g, ema), adam, update, threads)
        w_ref = np.where(np.arange(N) < DECAYED, w_ref * (1 - 0.01 * 0.1), w_ref)
        m_ref = 0.9 * m_ref + 0.1 * 0.5 * g
        v_ref = 0.99 * v_ref + 0.01 * (0.5 * g.astype(np.float64)) ** 2
        w_ref = w_ref - 0.01 * m_ref / (1 - 0.9**step) / (np.sqrt(v_ref / (1 - 0.99**step)) + 1e-8)
        ema_ref = 0.75 * ema_ref + 0.25 * w_ref[: len(ema)]
    np.testing.assert_allclose(w, w_ref, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ema, ema_ref, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("decayed", [0, 7, optim.BLOCK, optim.BLOCK + 9, SEVERAL_BLOCKS])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_block_is_updated_once_and_only_the_first_weights_decay(threads, decayed):
    w, g, velocity = (np.full(SEVERAL_BLOCKS, value) for value in (1.0, 0.5, 0.0))
    ema = np.zeros(SEVERAL_BLOCKS)
    update = Update(1.0, 1.0, 0.25, decayed, 0.5)
    optim.sgd(FlatWeights(w, g, ema), velocity, 0.0, update, threads)
    expected = np.where(np.arange(SEVERAL_BLOCKS) < decayed, 0.25, 0.5)
    np.testing.assert_array_equal(w, expected)
    np.testing.assert_array_equal(ema, 0.5 * expected)
    m, v, again = np.zeros_like(w), np.zeros_like(w), np.ones_like(w)
    optim.adamw(FlatWeights(again, g, ema), Adam(m, v, 0.9, 0.99, 0.0, 1), update, threads)
    np.testing.assert_allclose(again, np.where(np.arange(SEVERAL_BLOCKS) < decayed, -0.25, 0.0), atol=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
def test_adapt_follows_the_gradient_and_decays_to_trained_weights(threads):
    random = np.random.default_rng(4)
    w, g, trained, scale, pull = random.standard_normal((5, 37))
    wanted = w + 0.1 * pull * (trained - w) - 0.3 * scale * g
    optim.adapt(w, g, trained, scale, pull, 0.3, 0.1, threads)
    np.testing.assert_allclose(w, wanted, rtol=1e-12)
