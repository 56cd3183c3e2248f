"""Matrix products with one side packed: the order of the tiles, the ways into it, and C = A B and C += A' B.

A packed matrix B (K, N) is an array of words (K' words, N rounded up to a vector), in panels as wide as a tile; for
bfloat16 a word holds two numbers that follow each other in K. The panel that begins at column n begins at word K' n,
and holds K' rows as long as it is wide. Packing costs one pass, a product as many as there are rows in A.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lstm_kernels.activations import zero
from lstm_kernels.cpu.arrays import CACHE_LINE, zeros
from lstm_kernels.cpu.microkernel.vectors import (
    PRECISIONS,
    REGISTERS,
    SIDE,
    TILES,
    address,
    bfloat16_bits,
    drive,
    lay_vector,
    prefetch,
    prepare,
    transpose,
    transpose_pairs,
    transpose_rows_of_pairs,
)
from lstm_kernels.jit import SETTINGS, inlined, threaded

Array = np.ndarray[Any, Any]

BLOCK, DEPTH = REGISTERS[TILES].block, REGISTERS[TILES].depth
SCRATCH = BLOCK * (DEPTH + 2 * SIDE)
"""Words that a thread needs to convert or transpose a block of A."""

_WIDTHS = {kind.itemsize: REGISTERS[TILES].columns(kind.itemsize) for kind in PRECISIONS.values()}
WIDE = {precision: REGISTERS[TILES].columns(kind.itemsize)[0] for precision, kind in PRECISIONS.items()}
"""Columns of the widest panel."""
WIDE4, HALF4, LEAST4 = _WIDTHS[4][0], _WIDTHS[4][-2], _WIDTHS[4][-1]
WIDE8, HALF8, LEAST8 = _WIDTHS[8][0], _WIDTHS[8][-2], _WIDTHS[8][-1]


def per_word(precision: str) -> int:
    """Return how many numbers that follow each other in K make a word."""
    return 2 if precision == "bfloat16" else 1


class Packed:
    """A packed matrix (K, N), to be filled."""

    def __init__(self, K: int, N: int, precision: str, words: Array | None = None) -> None:
        """Raises ValueError where this processor cannot multiply in `precision`."""
        self.precision = precision
        self.words = packed_stack(1, K, N, precision)[0] if words is None else words
        """As `multiply` takes them."""

    def pack_transposed(self, W: Array, threads: int) -> None:
        """Take the matrix from its transpose W (N, K), as weights lie for x W'."""
        _pack_columns(W, self.words, threads)

    def pack(self, W: Array, threads: int) -> None:
        """Take the matrix from W (K, N)."""
        pack(W, self.words, threads)


def packed_stack(count: int, K: int, N: int, precision: str) -> Array:
    """Return the words of so many packed matrices (K, N), (count, K', N'), all zero. Raises ValueError as `Packed`."""
    kind, shape = prepare(precision), _shape(K, N, precision)
    return zeros(count * shape[0] * shape[1] * kind.itemsize, np.uint8).view(kind).reshape(count, *shape)


class _Workspace(threading.local):
    """Arrays that outlive a call, so that a training step allocates nothing; each Python thread has its own."""

    def __init__(self) -> None:
        self._bytes: dict[str, Array] = {}

    def _take(self, name: str, size: int) -> Array:
        held = self._bytes.get(name)
        if held is None or len(held) < size:
            held = self._bytes[name] = zeros(size, np.uint8)
        return held[:size]

    def words(self, K: int, N: int, precision: str, name: str = "words") -> Array:
        """Return words for a packed matrix (K, N), which the next call of that name overwrites. Raises ValueError as
        `Packed`."""
        kind, shape = prepare(precision), _shape(K, N, precision)
        return self._take(name, shape[0] * shape[1] * kind.itemsize).view(kind).reshape(shape)

    def numbers(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array that the next call overwrites."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        return self._take("numbers", size).view(dtype).reshape(shape)

    def scratch(self, threads: int, precision: str) -> Array:
        """Return what `multiply` and `multiply_transposed` need on so many threads, (threads, SCRATCH) words."""
        kind = PRECISIONS[precision]
        return self._take("scratch", threads * SCRATCH * kind.itemsize).view(kind).reshape(threads, SCRATCH)


workspace = _Workspace()


def _shape(K: int, N: int, precision: str) -> tuple[int, int]:
    least = REGISTERS[TILES].columns(PRECISIONS[precision].itemsize)[-1]
    return -(-K // per_word(precision)), -(-N // least) * least


# --- packing ----------------------------------------------------------------------------------------------------------


@inlined
def _panel(words, n, N):
    """Return where the panel that holds column n begins and ends; n is a multiple of the narrowest."""
    wide, half, least = (WIDE4, HALF4, LEAST4) if words.itemsize == 4 else (WIDE8, HALF8, LEAST8)
    if n < N - N % wide:
        start = n - n % wide
        return start, start + wide
    start = N - N % wide
    if half < wide and N - start >= half:
        if n < start + half:
            return start, start + half
        start += half
    start += (n - start) // least * least
    return start, start + least


@register_jitable
def _pair(even, odd):
    """Return the word of two numbers in bfloat16 that follow each other in K."""
    return types.uint32(bfloat16_bits(even)) | types.uint32(bfloat16_bits(odd)) << 16


def pack_rows(W, words, N, low, high):
    """Pack columns low to high of W (K, N) into `words`, which may be deeper; both bounds begin panels, or end them."""
    raise NotImplementedError


@overload(pack_rows)
def _pack_rows_of(W, words, N, low, high):
    pairs = words.dtype == types.uint32
    step = 2 if pairs else 1
    lay_it = lay_vector["bfloat16" if pairs else "float32" if words.dtype == types.float32 else "float64"]
    least = LEAST8 if words.dtype == types.float64 else LEAST4

    def word(W, k, n):
        if not pairs:
            return W[k, n]
        return _pair(W[k, n], W[k + 1, n] if k + 1 < W.shape[0] else zero(W[k, n]))

    word = register_jitable(word)

    def pack(W, words, N, low, high):
        K, depth, size = W.shape[0], words.shape[0], words.itemsize
        flat = words.reshape(-1)
        whole = K // step * step  # rows that have what they make a word with
        n = low
        while n < high:
            start, end = _panel(words, n, N)
            live, width = min(end, N) - start, end - start
            vectors = live // least * least
            for k in range(0, K, step):
                at = depth * start + k // step * width
                laid = vectors if k < whole else 0
                row, below, to = address(W, k, start), address(W, k + step - 1, start), address(flat, 1, at)
                for j in range(0, laid * size, least * size):
                    lay_it(row + j, below + j, to + j)
                for j in range(laid, live):
                    flat[at + j] = word(W, k, start + j)
            n = end

    return pack


def pack_columns(W, words, low, high):
    """Pack rows low to high of W (N, K) as columns; both bounds begin panels, or end them."""
    raise NotImplementedError


@overload(pack_columns)
def _pack_columns_of(W, words, low, high):
    pairs, blocks = words.dtype == types.uint32, words.dtype != types.float64
    per, move = (2, transpose_pairs) if pairs else (1, transpose)

    def word(W, n, k):
        if not pairs:
            return W[n, k]
        return _pair(W[n, k * 2], W[n, k * 2 + 1] if k * 2 + 1 < W.shape[1] else zero(W[n, k * 2]))

    word = register_jitable(word)

    def pack(W, words, low, high):
        (N, K), depth, size = W.shape, words.shape[0], words.itemsize
        flat = words.reshape(-1)
        words_of_row = K // per  # that have both of what they are made of
        n = low
        while n < high:
            start, end = _panel(words, n, N)
            width = end - start
            for top in range(start, min(end, N), SIDE):
                at, rest = depth * start + top - start, 0
                if blocks and top + SIDE <= min(end, N) and words_of_row >= SIDE:
                    for left in range(0, words_of_row, SIDE):
                        k = min(left, words_of_row - SIDE)  # the last block writes some words again
                        move(address(W, top, per * k), W.strides[0], address(flat, 1, at + k * width), width * size)
                    rest = words_of_row
                for k in range(rest, depth):
                    for m in range(top, min(top + SIDE, end, N)):
                        flat[at + k * width + m - top] = word(W, m, k)
            n = end

    return pack


def unpack_column(words, n, N, x):
    """Write column n of a packed matrix (K, N) to x (K,); numbers in bfloat16 come back rounded to it."""
    raise NotImplementedError


@overload(unpack_column)
def _unpack_column_of(words, n, N, x):
    pairs = words.dtype == types.uint32

    def unpack(words, n, N, x):
        start, end = _panel(words, n - n % _least(words), N)
        depth, width = words.shape[0], end - start
        panel = words.reshape(-1)[depth * start : depth * end]
        if pairs:
            bits = x.view(np.uint32)
            for k in range(len(x)):
                bits[k] = panel[k // 2 * width + n - start] >> types.uint32(16 * (k % 2)) << types.uint32(16)
        else:
            for k in range(len(x)):
                x[k] = panel[k * width + n - start]

    return unpack


@inlined
def _least(words):
    return LEAST4 if words.itemsize == 4 else LEAST8


@inlined
def panels_of(words, N, k, threads):
    """Return the share of thread k in the columns of a packed matrix: whole panels."""
    wide = WIDE4 if words.itemsize == 4 else WIDE8
    count = -(-N // wide)
    return min(k * count // threads * wide, N), min((k + 1) * count // threads * wide, N)


@inlined
def columns_between(words, low, high):
    """Return the words of columns low to high of a packed matrix, as a packed matrix.

    low   begins a panel
    high  begins a panel, or is where all columns end
    """
    depth, width = words.shape
    end = min(-(-high // _least(words)) * _least(words), width)
    return words.reshape(-1)[depth * low : depth * end].reshape((depth, end - low))


@threaded
def pack(k, threads, W, words):
    N = W.shape[1]
    low, high = panels_of(words, N, k, threads)
    pack_rows(W, words, N, low, high)


@threaded
def _pack_columns(k, threads, W, words):
    low, high = panels_of(words, W.shape[0], k, threads)
    pack_columns(W, words, low, high)


# --- products ---------------------------------------------------------------------------------------------------------


@register_jitable
def nothing():
    """Return what is added to a product: 0."""
    return 0, 0


def rows_of(C):
    """Return what is added to a product: C (M, N)."""
    raise NotImplementedError


@overload(rows_of)
def _rows_of(C):
    return lambda C: (address(C, 0, 0), C.strides[0] // C.itemsize)


def bias_of(b):
    """Return what is added to a product: b (N,) in each row, or 0 if it is (0,)."""
    raise NotImplementedError


@overload(bias_of)
def _bias_of(b):
    return lambda b: (address(b, 1, 0) if b.shape[0] > 0 else 0, 0)


@inlined
def _parts(size, most):
    """Return into how many parts, as long as each other or one longer, a size is cut so that none is above `most`."""
    return (size + most - 1) // most


@inlined
def _from_row(plus, m, C):
    """Return what is added to a product from row m of C (M, N) on."""
    added, ldp = plus
    return (added + m * ldp * C.itemsize if added != 0 else 0), ldp


def multiply(A, words, first, plus, C, scratch):
    """C (M, N) = A (M, K) B[first : first + K] + plus, in the caller's thread.

    A, C     rows contiguous, any distance between rows
    words    of the packed B; first is even for bfloat16
    plus     what is added, as `nothing`, `rows_of` and `bias_of` return
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
            blocks, pairs = _parts(M, BLOCK), (K + 1) // 2
            parts = _parts(pairs, DEPTH)
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
            blocks, parts = _parts(M, BLOCK), _parts(K, DEPTH)
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
    """C (M, N) = A' B + plus for A (K, M), and sums (M,), or (0,) for none, += those of A over K; as `multiply`."""
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
        # Of an odd number of rows, the last is its own pair; what it is multiplied with is 0.
        return _pair(A[k, m], A[min(k + 1, A.shape[0] - 1), m])

    word = register_jitable(word)

    def turn(A, row, sums, scratch):
        """Write A (K, M) transposed, with rows of `row` words, and add its rows to sums (M,)."""
        K, M = A.shape
        size, side = scratch.itemsize, SIDE * step
        # Some rows at a time: they lie far apart, and the processor does not foresee the next.
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
            # The last blocks each way begin early enough to be whole, and write some words again.
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
        blocks, parts = _parts(M, BLOCK), _parts(depth, DEPTH)
        for block in range(blocks):
            m, end = block * M // blocks, (block + 1) * M // blocks
            to, (add_m, ldp_m) = address(C, m, 0), _from_row(plus, m, C)
            for part in range(parts):
                low, high = part * depth // parts, (part + 1) * depth // parts
                # An odd number of lines, so that columns do not wait for the same few lines of the first-level cache.
                row = (((high - low + SIDE - 1) // SIDE) | 1) * SIDE
                turn(A[low * step : min(high * step, K), m:end], row, sums[m:end], scratch)
                drive_it(
                    end - m, N, high - low, address(scratch, 1, 0), row, address(words, 0, 0), words.shape[0], low,
                    to, ldc, add_m, ldp_m,
                )  # fmt: skip
                add_m, ldp_m = to, ldc

    return product


if SETTINGS.DISABLE_JIT:  # plain NumPy, for a debugger: words are the matrix itself, of float32 or float64

    def pack_rows(W, words, N, low, high):
        words[: len(W), low:high] = W[:, low:high]

    def pack_columns(W, words, low, high):
        words[: W.shape[1], low:high] = W[low:high].T

    def unpack_column(words, n, N, x):
        x[...] = words[: len(x), n]

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
