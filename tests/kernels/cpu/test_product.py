"""The product on blocks of rows and columns, transposed or not, alone or added."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from lstm_kernels.compile import kernel
from lstm_kernels.cpu.product import product
from threadpoolctl import threadpool_info


@kernel
def call(transA, transB, alpha, A, B, beta, C):
    product(transA, transB, alpha, A, B, beta, C)


def block(rng, rows, columns, dtype):
    """Return a column block of something wider, so that rows do not follow each other directly."""
    return rng.normal(size=(rows, columns + 5)).astype(dtype)[:, 2 : 2 + columns]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("M", "N", "K"), [(3, 4, 5), (1, 7, 4), (4, 1, 3), (1, 1, 1), (17, 33, 9)])
def test_product(M, N, K, dtype):
    rng = np.random.default_rng([M, N, K])
    for transA, transB, beta in itertools.product((False, True), (False, True), (0.0, 1.0, 0.5)):
        A, B = block(rng, *((K, M) if transA else (M, K)), dtype), block(rng, *((N, K) if transB else (K, N)), dtype)
        wide = rng.normal(size=(M, N + 3)).astype(dtype)
        C = wide[:, 1 : 1 + N]
        expected, beside = 2 * (A.T if transA else A) @ (B.T if transB else B) + beta * C, wide[:, [0, -1]].copy()
        call(transA, transB, 2.0, A, B, beta, C)
        np.testing.assert_allclose(C, expected, rtol=1e-4 if dtype is np.float32 else 1e-12, atol=1e-5)
        np.testing.assert_array_equal(wide[:, [0, -1]], beside)


def test_beta_zero_does_not_read():
    A, B = np.ones((2, 3)), np.ones((3, 4))
    for rows in (1, 2):
        C = np.full((2, 4), np.nan)
        call(False, False, 1.0, A[:rows], B, 0.0, C[:rows])
        assert (C[:rows] == 3).all()


def test_empty_blocks_are_left_alone():
    C = np.ones((2, 4))
    call(False, False, 1.0, np.ones((2, 3))[:0], np.ones((3, 4)), 0.0, C[:0])
    assert (C == 1).all()


def test_blas_keeps_to_one_thread():
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert {pool["num_threads"] for pool in pools} == {1}
