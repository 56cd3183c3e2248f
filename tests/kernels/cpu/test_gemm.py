"""Packed products of every precision, for sizes around every width and height of a tile."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu.gemm import bias_of, multiply, multiply_transposed, nothing, rows_of
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16
from lstm_kernels.cpu.packing import DEPTH, Packed, workspace
from lstm_kernels.jit import kernel
from lstm_kernels.numba_patches.untyped import SETTINGS

PRECISIONS = ["float32", "float64"] + ["bfloat16"] * HAS_BFLOAT16
UNIT = {"float32": 2.0**-23, "float64": 2.0**-52}


@kernel
def call(A, words, first, add, C, scratch):
    multiply(A, words, first, rows_of(C) if add else nothing(), C, scratch)


@kernel
def call_with_bias(A, words, b, C, scratch):
    multiply(A, words, 0, bias_of(b), C, scratch)


@kernel
def call_transposed(A, words, add, C, sums, scratch):
    multiply_transposed(A, words, rows_of(C) if add else nothing(), C, sums, scratch)


def rounded(array, precision):
    """Return `array` (..., any) as numbers of `precision` in float64: for bfloat16 to 8 bits, halves to even."""
    if precision != "bfloat16":
        return array.astype(precision).astype(np.float64)
    bits = array.astype(np.float32).view(np.uint32)
    bits = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(np.float64)


def case(M, K, N, precision):
    rng = np.random.default_rng([M, K, N])
    dtype = np.float64 if precision == "float64" else np.float32
    A, B, C = (rng.normal(size=shape).astype(dtype) for shape in ((M, K), (K, N), (M, N)))
    expected = rounded(A, precision) @ rounded(B, precision)
    # K additions, each rounded to a unit of a sum that grows to about sqrt(K), at random: K units, and some to spare.
    return A, B, C, expected, 4 * (K + 1) * UNIT.get(precision, UNIT["float32"])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("K", "N"), [(1, 1), (9, 64), (5, 130), (2, 47), (7, 33), (2 * DEPTH + 3, 17)])
@pytest.mark.parametrize("M", [1, 2, 3, 4, 5, 6, 7, 13, 197])
def test_product_with_an_addend(M, K, N, precision):
    A, B, C, expected, tolerance = case(M, K, N, precision)
    B_packed = Packed(K, N, precision)
    B_packed.pack(B, 2)
    scratch = workspace.scratch(1, precision)[0]
    wide = np.full((M + 2, N + 3), 7, C.dtype)
    inside = wide[1:-1, 1:-2]
    inside[...] = np.nan
    call(A, B_packed.words, 0, False, inside, scratch)
    np.testing.assert_allclose(inside, expected, atol=tolerance)
    inside[...] = C
    call(A, B_packed.words, 0, True, inside, scratch)
    np.testing.assert_allclose(inside, C + expected, atol=2 * tolerance)
    for bias in (C[0], C[0, :0]):
        call_with_bias(A, B_packed.words, bias, inside, scratch)
        np.testing.assert_allclose(inside, expected + (bias if len(bias) else 0), atol=2 * tolerance)
    inside[...] = 7
    assert (wide == 7).all()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("M", "K", "N"), [(1, 1, 1), (7, 5, 33), (97, 2 * DEPTH + 3, 66), (194, 8, 16)])
def test_transposed_product_with_an_addend_and_sums(M, K, N, precision):
    A, B, C, expected, tolerance = case(M, K, N, precision)
    B_packed = Packed(K, N, precision)
    B_packed.pack(B, 1)
    wide = np.ascontiguousarray(np.pad(A.T, ((0, 0), (1, 2))))
    result, sums = C.copy(), np.ones(M, C.dtype)
    scratch = workspace.scratch(1, precision)[0]
    call_transposed(wide[:, 1:-2], B_packed.words, True, result, sums, scratch)
    np.testing.assert_allclose(result, C + expected, atol=2 * tolerance)
    np.testing.assert_allclose(sums, 1 + A.sum(axis=1, dtype=np.float64), atol=K * tolerance)
    result[...] = np.nan
    call_transposed(wide[:, 1:-2], B_packed.words, False, result, sums[:0], scratch)
    np.testing.assert_allclose(result, expected, atol=tolerance)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("K", "N"), [(1, 1), (5, 130), (6, 64), (7, 33), (130, 200)])
def test_a_matrix_and_its_transpose_pack_alike_on_any_number_of_threads(K, N, precision):
    B = np.random.default_rng([K, N]).normal(size=(K, N)).astype("float64" if precision == "float64" else "float32")
    words = []
    for threads in (1, 3):
        for fill, matrix in ((Packed.pack, B), (Packed.pack_transposed, np.ascontiguousarray(B.T))):
            packed = Packed(K, N, precision)
            fill(packed, matrix, threads)
            words.append(packed.words.tobytes())
    assert len(set(words)) == 1


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_product_of_part_of_the_depth(precision):
    A, B, C, _, tolerance = case(5, 14, 70, precision)
    B_packed = Packed(14, 70, precision)
    B_packed.pack(B, 1)
    call(A[:, 6:], B_packed.words, 6, False, C, workspace.scratch(1, precision)[0])
    np.testing.assert_allclose(C, rounded(A[:, 6:], precision) @ rounded(B[6:], precision), atol=tolerance)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_row_does_not_depend_on_the_others(precision):
    A, B, together, _, _ = case(7, 40, 130, precision)
    alone = np.empty_like(together)
    B_packed = Packed(40, 130, precision)
    B_packed.pack(B, 1)
    scratch = workspace.scratch(1, precision)[0]
    call(A, B_packed.words, 0, False, together, scratch)
    for m in range(7):
        call(A[m : m + 1], B_packed.words, 0, False, alone[m : m + 1], scratch)
    if not SETTINGS.DISABLE_JIT:  # NumPy's product makes no such promise
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nan_is_preserved(precision):
    A, B, C, _, _ = case(2, 3, 5, precision)
    A[0, 1] = np.nan
    B_packed = Packed(3, 5, precision)
    B_packed.pack(B, 1)
    call(A, B_packed.words, 0, False, C, workspace.scratch(1, precision)[0])
    assert np.isnan(C[0]).all()
    assert np.isfinite(C[1]).all()
