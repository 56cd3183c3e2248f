"""Matrix products with a packed right side: C = A B and C = A' B, block by block.

Each adds a matrix, a bias or nothing (`plus`). They run in the caller's thread; kernels split rows or panels.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lstm_kernels.cpu.arrays import CACHE_LINE
from lstm_kernels.cpu.microkernel.bfloat16 import bfloat16_bits
from lstm_kernels.cpu.microkernel.driver import drive
from lstm_kernels.cpu.microkernel.memory import SIDE, address, prefetch, transpose, transpose_rows_of_pairs
from lstm_kernels.cpu.packing import BLOCK, DEPTH, pair
from lstm_kernels.jit import inlined
from lstm_kernels.numba_patches.untyped import SETTINGS


@register_jitable
def nothing():
    """Return a `plus` of products that adds 0."""
    return 0, 0


def rows_of(C):
    """Return a `plus` of products that adds C (M, N)."""
    raise NotImplementedError


@overload(rows_of)
def _rows_of(C):
    return lambda C: (address(C, 0, 0), C.strides[0] // C.itemsize)


def bias_of(b):
    """Return a `plus` of products that adds b (N,) to each row; 0 if b is (0,)."""
    raise NotImplementedError


@overload(bias_of)
def _bias_of(b):
    return lambda b: (address(b, 1, 0) if b.shape[0] > 0 else 0, 0)


@inlined
def _part_count(size, limit):
    """Return the number of nearly equal parts of a size with none above `limit`."""
    return (size + limit - 1) // limit


@inlined
def _from_row(plus, m, C):
    """Return `plus` from row m of C (M, N) on."""
    added, ldp = plus
    return (added + m * ldp * C.itemsize if added != 0 else 0), ldp


def multiply(A, words, first, plus, C, scratch):
    """C (M, N) = A (M, K) B[first : first + K] + plus, in the caller's thread.

    A, C     rows contiguous, any distance between rows
    words    of the packed B; first is even for bfloat16
    plus     what is added, from `nothing`, `rows_of` or `bias_of`
    scratch  (SCRATCH,) words
    """
    raise NotImplementedError


@overload(multiply)
def _multiply_of(A, words, first, plus, C, scratch):
    if words.dtype == types.uint32:
        drive_it = drive["bfloat16"]

        def product(A, words, first, plus, C, scratch):
            (M, K), N, ldc = A.shape, C.shape[1], C.strides[0] // C.itemsize
            halves = scratch.view(np.uint16)
            blocks, pairs = _part_count(M, BLOCK), (K + 1) // 2
            parts = _part_count(pairs, DEPTH)
            for block in range(blocks):
                m, end = block * M // blocks, (block + 1) * M // blocks
                to, (add_m, ldp_m) = address(C, m, 0), _from_row(plus, m, C)
                for part in range(parts):
                    low, high = part * pairs // parts, (part + 1) * pairs // parts
                    k, here = 2 * low, min(2 * high, K) - 2 * low
                    for r in range(end - m):
                        row, half = A[m + r, k : k + here], halves[2 * (high - low) * r :][: 2 * (high - low)]
                        for j in range(here):
                            half[j] = bfloat16_bits(row[j])
                        if here < half.shape[0]:
                            half[here] = 0
                    drive_it(
                        end - m, N, high - low, address(scratch, 1, 0), high - low, address(words, 0, 0),
                        words.shape[0], first // 2 + low, to, ldc, add_m, ldp_m,
                    )  # fmt: skip
                    add_m, ldp_m = to, ldc

    else:
        drive_it = drive["float32" if words.dtype == types.float32 else "float64"]

        def product(A, words, first, plus, C, scratch):
            (M, K), N, ldc = A.shape, C.shape[1], C.strides[0] // C.itemsize
            blocks, parts = _part_count(M, BLOCK), _part_count(K, DEPTH)
            for block in range(blocks):
                m, end = block * M // blocks, (block + 1) * M // blocks
                to, (add_m, ldp_m) = address(C, m, 0), _from_row(plus, m, C)
                for part in range(parts):
                    k, k_end = part * K // parts, (part + 1) * K // parts
                    drive_it(
                        end - m, N, k_end - k, address(A, m, k), A.strides[0] // A.itemsize,
                        address(words, 0, 0), words.shape[0], first + k, to, ldc, add_m, ldp_m,
                    )  # fmt: skip
                    add_m, ldp_m = to, ldc

    return product


def multiply_transposed(A, words, plus, C, sums, scratch):
    """C (M, N) = A' B + plus for A (K, M), in the caller's thread; the other arguments are those of `multiply`.

    sums  (M,)  in-out  the sums of A over K are added; or (0,) for none
    """
    raise NotImplementedError


@overload(multiply_transposed)
def _multiply_transposed_of(A, words, plus, C, sums, scratch):
    pairs, blocks_of = words.dtype == types.uint32, words.dtype != types.float64
    step = 2 if pairs else 1
    drive_it = drive["bfloat16" if pairs else "float32" if words.dtype == types.float32 else "float64"]
    move = transpose_rows_of_pairs if pairs else transpose

    def word(A, k, m):
        if not pairs:
            return A[k, m]
        # The last of an odd number of rows is its own pair: B has 0 there.
        return pair(A[k, m], A[min(k + 1, A.shape[0] - 1), m])

    word = register_jitable(word)

    def turn(A, row, sums, scratch):
        """Write A (K, M) transposed to `scratch`, with rows of `row` words, and add its rows to sums (M,)."""
        K, M = A.shape
        size, side = scratch.itemsize, SIDE * step
        # A few rows at a time: they lie far apart, and the hardware prefetcher does not find the next.
        for top in range(0, K, side):
            end = min(top + side, K)
            for k in range(end, min(end + side, K)):
                for m in range(0, M, CACHE_LINE // A.itemsize):
                    prefetch(address(A, k, m))
            if sums.shape[0] > 0:
                for k in range(top, end):
                    of_k = A[k]
                    for m in range(M):
                        sums[m] += of_k[m]
            # The last block each way begins early enough to be whole, and writes some words again.
            first = min(top, K - side)
            if blocks_of and M >= SIDE and first >= 0 and first % step == 0:
                for m in range(0, M, SIDE):
                    left = min(m, M - SIDE)
                    to = address(scratch, 1, left * row + first // step)
                    move(address(A, first, left), A.strides[0], to, row * size)
            else:
                for k in range(top, end, step):
                    for m in range(M):
                        scratch[m * row + k // step] = word(A, k, m)

    turn = register_jitable(turn)

    def product(A, words, plus, C, sums, scratch):
        (K, M), N, ldc = A.shape, C.shape[1], C.strides[0] // C.itemsize
        depth = (K + step - 1) // step
        blocks, parts = _part_count(M, BLOCK), _part_count(depth, DEPTH)
        for block in range(blocks):
            m, end = block * M // blocks, (block + 1) * M // blocks
            to, (add_m, ldp_m) = address(C, m, 0), _from_row(plus, m, C)
            for part in range(parts):
                low, high = part * depth // parts, (part + 1) * depth // parts
                # An odd number of cache lines: otherwise columns would compete for a few sets of the first-level cache.
                row = (((high - low + SIDE - 1) // SIDE) | 1) * SIDE
                turn(A[low * step : min(high * step, K), m:end], row, sums[m:end], scratch)
                drive_it(
                    end - m, N, high - low, address(scratch, 1, 0), row, address(words, 0, 0), words.shape[0], low,
                    to, ldc, add_m, ldp_m,
                )  # fmt: skip
                add_m, ldp_m = to, ldc

    return product


if SETTINGS.DISABLE_JIT:  # plain NumPy, for a debugger: words are the matrix itself, of float32 or float64

    def rows_of(C):
        return C.copy()

    def bias_of(b):
        return b if len(b) > 0 else nothing()

    def multiply(A, words, first, plus, C, scratch):
        C[...] = A @ words[first : first + A.shape[1], : C.shape[1]]
        if not isinstance(plus, tuple):
            C += plus

    def multiply_transposed(A, words, plus, C, sums, scratch):
        C[...] = A.T @ words[: len(A), : C.shape[1]]
        if not isinstance(plus, tuple):
            C += plus
        if len(sums):
            sums += A.sum(axis=0)
