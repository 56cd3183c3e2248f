"""CTC on the GPU, or its simulator, as on the processor."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import ctc as on_the_processor
from lstm_kernels.cuda import arrays, ctc
from lstm_kernels.interface import CTCTargets

LENGTHS = np.array([5, 3, 4, 2, 0], np.int32)
LABELS = np.array([[1, 1, 2], [9, 9, 9], [2, 3, 9], [1, 1, 9], [9, 9, 9]], np.int32)
LABEL_LENGTHS = np.array([3, 0, 2, 2, 0], np.int32)  # the fourth is too long for its frames


def run(kernels, logits, to, back):
    """Return nll, aligned and the gradient of logits."""
    T, B, _ = logits.shape
    dlogits, nll, aligned = to(logits), to(np.full(B, np.nan, logits.dtype)), to(np.full(B, -1, np.int32))
    work = to(np.full(kernels.work_shape(T, B, LABELS.shape[1]), np.nan, logits.dtype))
    targets = CTCTargets(*(to(a) for a in (LENGTHS, LABELS, LABEL_LENGTHS)))
    kernels.loss(dlogits, targets, nll, aligned, work, 0.5, 1)
    return back(nll), back(aligned), back(dlogits)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_agrees_with_the_processor(dtype, tolerance):
    logits = np.random.default_rng(1).normal(size=(5, 5, 4), scale=3).astype(dtype)
    expected = run(on_the_processor, logits, np.copy, np.asarray)
    found = run(ctc, logits, arrays.to_device, arrays.to_host)
    np.testing.assert_array_equal(found[1], [1, 1, 1, 0, 1])
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
    for b, n in enumerate(LENGTHS):
        assert not found[2][n:, b].any()
    assert not found[2][:, 3].any()


def test_nan_makes_the_loss_of_its_utterance_nan():
    logits = np.zeros((5, 5, 4), np.float32)
    logits[1, 0, 3] = np.nan
    nll = run(ctc, logits, arrays.to_device, arrays.to_host)[0]
    assert np.isnan(nll[0])
    assert np.isfinite(nll[1:]).all()
