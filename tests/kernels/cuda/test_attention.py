"""Masked dot-product attention on the GPU, or its simulator, as on the processor."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import attention as on_the_processor
from lstm_kernels.cuda import arrays, attention
from lstm_kernels.interface import AttentionGradients, AttentionInputs

LENGTHS = np.array([5, 0, 2], np.int32)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_agrees_with_the_processor(dtype, tolerance, add):
    T, B, S, A, M = 3, 3, 5, 4, 3
    random = np.random.default_rng(1)
    shapes = ((T, B, A), (S, B, A), (S, B, M), (T, B, M))
    q, k, m, dcontext = (random.normal(size=shape).astype(dtype) for shape in shapes)
    found = []
    for kernels, to, back in ((on_the_processor, np.copy, np.asarray), (attention, arrays.to_device, arrays.to_host)):
        weights, dscores = (to(np.full((T, B, S), np.nan, dtype)) for _ in range(2))
        context, dq = to(np.full_like(dcontext, np.nan)), to(np.full_like(q, np.nan))
        dk, dm = (to(np.full_like(a, 2 if add else np.nan)) for a in (k, m))
        inputs = AttentionInputs(*(to(a) for a in (q, k, m, LENGTHS)), 0.5)
        kernels.forward(inputs, weights, context, dtype.__name__, 1)
        gradients = AttentionGradients(dscores, dq, dk, dm)
        kernels.backward(to(dcontext), inputs, weights, gradients, dtype.__name__, 1, add=add)
        found.append([back(a) for a in (weights, context, dq, dk, dm)])
    for expected, got in zip(*found, strict=True):
        np.testing.assert_allclose(got, expected, atol=tolerance)
    weights, context, dq, dk, dm = found[1]
    for b, length in enumerate(LENGTHS):
        assert not weights[:, b, length:].any()
        assert (dk[length:, b] == 2 * add).all()
        assert (dm[length:, b] == 2 * add).all()
    assert not context[:, 1].any()
    assert not dq[:, 1].any()
