from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import softmax
from lstm_kernels.interface import Smoothing
from support import naive
from support.gradcheck import assert_gradients_agree, numerical_gradient


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
def test_non_finite_logits_give_a_non_finite_loss(bad, at):
    logits, nll = np.zeros((2, 40), np.float32), np.empty(2, np.float32)
    logits[0, at] = bad
    targets = np.array([7, 7], np.int32)
    softmax.cross_entropy(logits, targets, nll, 1.0, 1)
    assert not np.isfinite(nll[0])
    assert nll[1] == pytest.approx(np.log(40), rel=1e-6)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 5e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("V", [1, 2, 65])
def test_smoothed_labels_and_ignored_targets_agree_with_reference(V, dtype, tolerance, threads):
    rng = np.random.default_rng(V)
    logits = rng.normal(size=(5, V), scale=4).astype(dtype)
    targets, smoothing = rng.integers(0, V, 5).astype(np.int32), 0.1
    targets[[1, 4]] = -1
    expected = naive.smoothed_cross_entropy(logits.astype(np.float64), targets, smoothing)
    nll, uniform = np.full((2, 5), np.nan, dtype)
    logits[1] = np.nan  # what stands behind the end of a sequence is never read
    softmax.cross_entropy(logits, targets, nll, 0.5, threads, Smoothing(smoothing, uniform))
    for found, wanted in zip((nll, uniform, 2 * logits), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    for ignored in (1, 4):
        assert not logits[ignored].any()
        assert nll[ignored] == uniform[ignored] == 0


def test_smoothed_loss_and_its_gradient_by_central_differences():
    random = np.random.default_rng(3)
    logits, targets = random.normal(size=(4, 6)), np.array([2, -1, 0, 5], np.int32)

    def loss():
        nll, uniform = np.zeros((2, 4))
        softmax.cross_entropy(logits.copy(), targets, nll, 1.0, 1, Smoothing(0.3, uniform))
        return float((0.7 * nll + 0.3 * uniform).sum())

    found = logits.copy()
    softmax.cross_entropy(found, targets, np.zeros(4), 1.0, 1, Smoothing(0.3))
    assert_gradients_agree(found, numerical_gradient(loss, logits), 1e-8)
