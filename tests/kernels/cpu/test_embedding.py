from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import embedding


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_rows_are_looked_up_and_gradients_are_added(threads):
    rng = np.random.default_rng(0)
    table, dout = rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
    tokens = np.array([3, 0, 3, 1, 3, 0], np.int32)
    out, dtable = np.empty((6, 3)), np.ones((4, 3))
    embedding.forward(table, tokens, out, threads)
    np.testing.assert_array_equal(out, table[tokens])
    embedding.backward(dout, tokens, dtable, threads)
    expected = np.ones((4, 3))
    np.add.at(expected, tokens, dout)
    np.testing.assert_allclose(dtable, expected, rtol=1e-14)
    embedding.clear(tokens[:2], dtable, threads)
    expected[[0, 3]] = 0
    np.testing.assert_allclose(dtable, expected, rtol=1e-14)
