"""Optimizers on a GPU or its simulator, beside those of the processor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lstm_kernels.cpu import optim as cpu_optim
from lstm_kernels.cuda import optim
from lstm_kernels.cuda.arrays import to_device, to_host
from lstm_kernels.interface import Adam, FlatWeights, Update


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_norm_is_summed_in_float64_and_nan_is_preserved(dtype):
    g = np.random.default_rng(0).normal(size=21).astype(dtype)
    expected = np.linalg.norm(g.astype(np.float64))
    assert optim.norm(to_device(g), None, 1) == pytest.approx(expected, rel=1e-14)
    assert optim.norm(to_device(g * dtype(1e30)), None, 1) == pytest.approx(1e30 * expected, rel=1e-6)  # beyond float32
    g[5] = np.nan
    assert math.isnan(optim.norm(to_device(g), None, 1))


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_updates_agree_with_the_processor(dtype, averaged):
    w, g, ema = np.random.default_rng(0).normal(size=(3, 19)).astype(dtype)
    ema = ema if averaged else ema[:0]
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    for update, moments in ((sgd, 1), (adamw, 2)):
        kept = [w.copy(), g, *(np.zeros_like(w) for _ in range(moments)), ema.copy()]
        on = [to_device(a) for a in kept]
        for step in (1, 2):
            update(cpu_optim, kept, step)
            update(optim, on, step)
        for found, expected in zip(on, kept, strict=True):
            np.testing.assert_allclose(to_host(found), expected, rtol=tolerance, atol=tolerance)


def sgd(kernels, held, step):
    w, g, velocity, ema = held
    kernels.sgd(FlatWeights(w, g, ema), velocity, 0.9, Update(0.2, 0.5, 0.1, 7, 0.75), 1)


def adamw(kernels, held, step):
    w, g, m, v, ema = held
    kernels.adamw(FlatWeights(w, g, ema), Adam(m, v, 0.9, 0.99, 1e-8, step), Update(0.2, 0.5, 0.1, 7, 0.75), 1)
