from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import softmax
from support import naive


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("V", [1, 2, 65])
def test_agrees_with_reference(V, dtype, tolerance, threads):
    rng = np.random.default_rng(V)
    logits = rng.normal(size=(5, V), scale=4).astype(dtype)
    logits[0] += 1000  # overflows unless the largest is subtracted first
    targets, nll = rng.integers(0, V, 5).astype(np.int32), np.empty(5, dtype)
    nll_ref, dlogits_ref = naive.cross_entropy(logits.astype(np.float64), targets)
    softmax.cross_entropy(logits, targets, nll, 0.5, threads)
    np.testing.assert_allclose(nll, nll_ref, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(logits, 0.5 * dlogits_ref, atol=tolerance)


@pytest.mark.parametrize("at", [0, 3, 39])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_logits_are_heard_of(bad, at):
    logits, nll = np.zeros((2, 40), np.float32), np.empty(2, np.float32)
    logits[0, at] = bad
    targets = np.array([7, 7], np.int32)
    softmax.cross_entropy(logits, targets, nll, 1.0, 1)
    assert not np.isfinite(nll[0])
    assert nll[1] == pytest.approx(np.log(40), rel=1e-6)
