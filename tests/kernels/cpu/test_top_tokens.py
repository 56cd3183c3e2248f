from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu.top_tokens import top_tokens


def found(logits, count, threads=1):
    N = len(logits)
    normaliser, log_p = np.empty(N, logits.dtype), np.empty((N, count), logits.dtype)
    tokens = np.empty((N, count), np.int32)
    top_tokens(logits, normaliser, tokens, log_p, threads)
    return normaliser, tokens, log_p


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize(("V", "count"), [(1, 1), (3, 3), (64, 5), (65, 5), (1000, 1), (1000, 70)])
def test_agrees_with_sorting(V, count, dtype, tolerance, threads):
    """Many logits are equal: the first of them come first."""
    logits = np.random.default_rng(V).integers(-9, 9, (4, V)).astype(dtype)
    logits[1] += 200  # overflows unless the largest is subtracted first
    normaliser, tokens, log_p = found(logits, count, threads)
    expected = np.argsort(-logits, axis=1, kind="stable")[:, :count]
    exact = logits.astype(float)
    of_all = np.logaddexp.reduce(exact, axis=1, keepdims=True)
    np.testing.assert_array_equal(tokens, expected)
    np.testing.assert_allclose(normaliser, of_all[:, 0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        log_p, np.take_along_axis(exact - of_all, expected, 1), rtol=tolerance, atol=200 * tolerance
    )


@pytest.mark.parametrize("at", [0, 70])
def test_logits_that_are_not_numbers_give_no_token(at):
    logits = np.zeros((2, 100), np.float32)
    logits[0, at] = np.nan
    _, tokens, log_p = found(logits, 3)
    assert not (log_p[0] > -np.inf).any()
    np.testing.assert_array_equal(tokens[1], [0, 1, 2])
    np.testing.assert_allclose(log_p[1], -np.log(100), rtol=1e-6)
