"""Sequences reversed and padded: values, padding, and parts of rows."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import sequences

LENGTHS = np.array([4, 0, 1, 3], np.int32)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_sequence_is_reversed_or_padded_at_its_length(dtype, threads):
    x = np.random.default_rng(1).normal(size=(4, 4, 3)).astype(dtype)
    wide = np.full((4, 4, 6), np.nan, dtype)
    turned, cut = wide[:, :, 3:], np.full_like(x, np.nan)
    sequences.reverse(x, LENGTHS, turned, threads)
    sequences.cut(x, LENGTHS, cut, threads)
    for b, n in enumerate(LENGTHS):
        np.testing.assert_array_equal(turned[:n, b], x[:n, b][::-1])
        np.testing.assert_array_equal(cut[:n, b], x[:n, b])
        assert not turned[n:, b].any()
        assert not cut[n:, b].any()
    assert np.isnan(wide[:, :, :3]).all()


def test_reverse_and_cut_are_their_own_gradients():
    """<y, f(x)> = <f(y), x>"""
    x, y = np.random.default_rng(2).normal(size=(2, 4, 4, 3))
    for function in (sequences.reverse, sequences.cut):
        of_x, of_y = np.empty_like(x), np.empty_like(y)
        function(x, LENGTHS, of_x, 1)
        function(y, LENGTHS, of_y, 1)
        assert (y * of_x).sum() == pytest.approx((of_y * x).sum(), rel=1e-12)
