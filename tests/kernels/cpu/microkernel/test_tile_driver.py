"""Products on the tile unit, or its twin: every shape at the edges of a tile, bit for bit as the manual of the unit."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from llvmlite import binding
from lstm_kernels.cpu.microkernel import tile_unit
from lstm_kernels.cpu.microkernel.memory import WORD
from lstm_kernels.cpu.microkernel.tile_driver import tile_driver
from lstm_kernels.cpu.microkernel.tile_permission import FEATURES, request_tiles
from lstm_kernels.numba_patches.untyped import SETTINGS
from numba import cfunc, types

WIDTHS = (64, 32, 16)
HAS_TILES = all(binding.get_host_cpu_features().get(name) for name in FEATURES) and request_tiles()
UNITS = ["twin"] + ["unit"] * HAS_TILES
SMALLEST = 2.0**-126


@pytest.fixture(scope="module", params=[] if SETTINGS.DISABLE_JIT else UNITS)
def drive(request):
    instructions = tile_unit.twin() if request.param == "twin" else tile_unit.unit()
    compiled = cfunc(types.void(*[WORD] * 12), error_model="numpy")(tile_driver(instructions, WIDTHS))
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 12)(compiled.address)
    run.held = compiled
    return run


def bits(x):
    """Return the bits of float32 rounded to the nearest bfloat16, halves to even."""
    wide = np.asarray(x, np.float32).view(np.uint32)
    return ((wide + np.uint32(0x7FFF) + (wide >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)).astype(np.uint32)


def words(x):
    """Return rows of words (M, K') of x (M, K), and the numbers as they were rounded."""
    half = bits(np.pad(x, ((0, 0), (0, x.shape[1] % 2))))
    return half[:, ::2] | half[:, 1::2] << np.uint32(16), (half << np.uint32(16)).view(np.float32)


def panels(x):
    """Return B (K, N) packed in panels of 64, 32 and 16 columns, those of 16 with garbage beside it."""
    of_columns = words(np.ascontiguousarray(x.T))[0].T
    N, n, found = x.shape[1], 0, []
    while n < N:
        width = next(width for width in WIDTHS if N - n >= width or width == WIDTHS[-1])
        panel = np.full((len(of_columns), width), 0x7FC07FC0, np.uint32)
        panel[:, : min(width, N - n)] = of_columns[:, n : n + width]
        found.append(panel.reshape(-1))
        n += width
    return np.concatenate(found)


def flushed(x):
    return np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), x).astype(np.float32)


def expected(A, B, start):
    """Return `start` (M, N) with the products of rounded A (M, K) and B (K, N), summed as the unit sums them."""
    total = flushed(start)
    for first in range(0, A.shape[1], 32):
        sums = []
        for which in (0, 1):
            part = np.zeros_like(total)
            for k in range(first + which, min(first + 32, A.shape[1]), 2):
                x, y = flushed(A[:, k, None]).astype(np.float64), flushed(B[k]).astype(np.float64)
                part = flushed(part + x * y)
            sums.append(part)
        total = flushed(total + flushed(sums[0] + sums[1]))
    return total


def check(drive, A, B, plus):
    (of_A, rounded_A), N = words(A), B.shape[1]
    rounded_B = words(np.ascontiguousarray(B.T))[1].T
    (M, K), packed = of_A.shape, panels(B)
    # Rows of A lie apart, and are read beyond the last one: what is there must not matter.
    left = np.full((M + 31, K + 3), 0x7FC07FC0, np.uint32)
    left[:M, :K] = of_A
    C = np.full((M + 1, N + 2), np.nan, np.float32)
    start = np.zeros((M, N), np.float32) if plus is None else np.broadcast_to(plus, (M, N))
    if plus is not None and plus.ndim == 2:
        C[:M, :N] = plus
        added, ldp = C.ctypes.data, N + 2
    else:
        added, ldp = 0 if plus is None else plus.ctypes.data, 0
    drive(M, N, K, left.ctypes.data, K + 3, packed.ctypes.data, K, 0, C.ctypes.data, N + 2, added, ldp)
    np.testing.assert_array_equal(C[:M, :N], expected(rounded_A, rounded_B, start))
    assert np.isnan(C[M:]).all()
    assert np.isnan(C[:M, N:]).all()


@pytest.mark.parametrize(
    ("M", "K", "N"),
    [(1, 1, 1), (3, 32, 16), (16, 33, 17), (17, 31, 31), (32, 64, 32), (33, 70, 33), (31, 8, 47), (40, 95, 130)],
)
def test_products_have_the_unit_s_bits(drive, M, K, N):
    rng = np.random.default_rng([M, K, N])
    A, B, C, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((M, K), (K, N), (M, N), N))
    for plus in (None, C, bias):
        check(drive, A, B, plus)


def test_a_part_of_a_deeper_matrix(drive):
    rng = np.random.default_rng(1)
    A, B = rng.normal(size=(5, 40)).astype(np.float32), rng.normal(size=(104, 50)).astype(np.float32)
    (of_A, rounded_A), packed = words(A), panels(B)
    left, C = np.zeros((16, 20), np.uint32), np.zeros((5, 50), np.float32)
    left[:5] = of_A
    drive(5, 50, 20, left.ctypes.data, 20, packed.ctypes.data, 52, 12, C.ctypes.data, 50, 0, 0)
    rounded_B = words(np.ascontiguousarray(B[24:64].T))[1].T
    np.testing.assert_array_equal(C, expected(rounded_A, rounded_B, np.zeros_like(C)))


def test_denormal_numbers_are_zero_in_and_out(drive):
    tiny = np.float32(2.0**-130)
    A = np.array([[tiny, 1.0], [2.0**-70, 2.0**-63], [-(2.0**-70), 0.0]], np.float32)
    B = np.array([[2.0**100, 2.0**-60, 1.0], [1.0, 2.0**-63, tiny]], np.float32)
    check(drive, A, B, None)
    check(drive, A, B, np.full((3, 3), tiny))


def test_infinity_and_nan_stay_in_their_row_and_column(drive):
    A, B = np.ones((18, 34), np.float32), np.ones((34, 18), np.float32)
    A[2, 3], B[5, 7], A[17, 1], A[4, 0] = np.inf, np.nan, -np.inf, np.nan
    check(drive, A, B, None)


def test_a_row_does_not_depend_on_the_rows_beside_it(drive):
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(35, 90)).astype(np.float32), rng.normal(size=(90, 37)).astype(np.float32)
    of_A, packed = words(A)[0], panels(B)

    def rows(first, last):
        left = np.zeros((64, of_A.shape[1]), np.uint32)
        left[: last - first] = of_A[first:last]
        C = np.zeros((last - first, 37), np.float32)
        K = of_A.shape[1]
        drive(len(C), 37, K, left.ctypes.data, K, packed.ctypes.data, K, 0, C.ctypes.data, 37, 0, 0)
        return C

    np.testing.assert_array_equal(np.concatenate([rows(0, 9), rows(9, 10), rows(10, 35)]), rows(0, 35))
