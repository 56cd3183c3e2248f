from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import step_attention
from lstm_kernels.interface import AttentionInputs


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_agrees_with_attention_written_out(dtype, tolerance, threads):
    random, (N, B, S, A, M) = np.random.default_rng(1), (6, 3, 5, 4, 7)
    queries, keys, memory = (random.normal(size=shape).astype(dtype) for shape in ((N, A), (B, S, A), (B, S, M)))
    lengths, sources = np.array([5, 0, 2], np.int32), np.array([0, 0, 2, 1, 2, 0], np.int32)
    keys[2, 2:] = memory[2, 2:] = np.nan  # what stands behind the end of a source is never read
    weights, context = np.full((N, S), np.nan, dtype), np.full((N, M), np.nan, dtype)
    inputs = AttentionInputs(queries, keys, memory, lengths, 0.7)
    step_attention.forward(inputs, sources, weights, context, threads)
    for n, b in enumerate(sources):
        length = lengths[b]
        scores = np.exp(0.7 * (keys[b, :length].astype(float) @ queries[n].astype(float)))
        expected = scores / scores.sum() if length else scores
        np.testing.assert_allclose(weights[n, :length], expected, rtol=10 * tolerance)
        assert not weights[n, length:].any()
        np.testing.assert_allclose(context[n], expected @ memory[b, :length], rtol=10 * tolerance, atol=tolerance)
