"""Softmax cross-entropy on a GPU or its simulator."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cuda import softmax
from lstm_kernels.cuda.arrays import to_device, to_host
from support import naive


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("V", [1, 9])
def test_loss_and_gradient_agree_with_the_reference(V, dtype, tolerance):
    rng = np.random.default_rng(V)
    logits = rng.normal(size=(3, V), scale=4).astype(dtype)
    logits[0] += 1000  # overflows unless the largest is subtracted first
    targets = rng.integers(0, V, 3).astype(np.int32)
    nll_ref, dlogits_ref = naive.cross_entropy(logits.astype(np.float64), targets)
    on, nll = to_device(logits), to_device(np.empty(3, dtype))
    softmax.cross_entropy(on, to_device(targets), nll, 0.5, 1)
    np.testing.assert_allclose(to_host(nll), nll_ref, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(to_host(on), 0.5 * dlogits_ref, atol=tolerance)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_logits_give_a_non_finite_loss(bad):
    logits, nll = np.zeros((2, 9), np.float32), to_device(np.empty(2, np.float32))
    logits[0, 5] = bad
    softmax.cross_entropy(to_device(logits), to_device(np.array([7, 7], np.int32)), nll, 1.0, 1)
    assert not np.isfinite(to_host(nll)[0])
    assert to_host(nll)[1] == pytest.approx(np.log(9), rel=1e-6)
