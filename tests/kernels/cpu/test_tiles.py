from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.compile import kernel
from lstm_kernels.cpu.tiles import multiply


@kernel
def call(A, B, add, C):
    multiply(A, B, add, C)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize(("K", "N"), [(1, 1), (9, 64), (5, 130)])
@pytest.mark.parametrize("M", range(8))
def test_product_and_sum(M, K, N, dtype, tolerance):
    rng = np.random.default_rng([M, K, N])
    A, B, C = (rng.normal(size=shape).astype(dtype) for shape in ((M, K), (K, N), (M, N)))
    wide = np.full((M + 2, N), 7, dtype)
    expected = A.astype(np.float64) @ B
    wide[1:-1] = np.nan
    call(A, B, False, wide[1:-1])
    np.testing.assert_allclose(wide[1:-1], expected, atol=K * tolerance)
    wide[1:-1] = C
    call(A, B, True, wide[1:-1])
    np.testing.assert_allclose(wide[1:-1], C + expected, atol=K * tolerance)
    assert (wide[[0, -1]] == 7).all()


def test_a_row_does_not_depend_on_the_others():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(7, 40)).astype(np.float32), rng.normal(size=(40, 128)).astype(np.float32)
    together, alone = np.empty((7, 128), np.float32), np.empty((7, 128), np.float32)
    call(A, B, False, together)
    for m in range(7):
        call(A[m : m + 1], B, False, alone[m : m + 1])
    np.testing.assert_array_equal(together, alone)
