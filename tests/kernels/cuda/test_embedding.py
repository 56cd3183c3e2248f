"""Embedding on a GPU or its simulator."""

from __future__ import annotations

import numpy as np
from lstm_kernels.cuda import embedding
from lstm_kernels.cuda.arrays import to_device, to_host


def test_rows_are_looked_up_and_gradients_are_added_and_cleared():
    rng = np.random.default_rng(0)
    table, dout = rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
    tokens = np.array([3, 0, 3, 1, 3, 0], np.int32)
    out, dtable = to_device(np.empty((6, 3))), to_device(np.ones((4, 3)))
    embedding.forward(to_device(table), to_device(tokens), out, 1)
    np.testing.assert_array_equal(to_host(out), table[tokens])
    embedding.backward(to_device(dout), to_device(tokens), dtable, 1)
    expected = np.ones((4, 3))
    np.add.at(expected, tokens, dout)
    np.testing.assert_allclose(to_host(dtable), expected, rtol=1e-13, atol=1e-15)
    embedding.clear(to_device(tokens[:2]), dtable, 1)
    expected[[0, 3]] = 0
    np.testing.assert_allclose(to_host(dtable), expected, rtol=1e-13, atol=1e-15)
