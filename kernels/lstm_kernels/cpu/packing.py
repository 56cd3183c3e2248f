"""Packed matrices, the right side of products: B (K, N) in the order in which tiles read it.

A packed matrix is an array of words (K' words, N rounded up to a vector), in panels as wide as a tile; for bfloat16 a
word holds two numbers that follow each other in K. The panel that begins at column n begins at word K' n, and has K'
rows as long as the panel is wide. Packing costs one pass over B, a product as many passes as A has rows.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lstm_kernels.activations import zero
from lstm_kernels.cpu.arrays import zeros
from lstm_kernels.cpu.microkernel.bfloat16 import bfloat16_bits
from lstm_kernels.cpu.microkernel.driver import prepare
from lstm_kernels.cpu.microkernel.memory import SIDE, address, pack_vector, transpose, transpose_pairs
from lstm_kernels.cpu.microkernel.registers import PRECISIONS, REGISTERS, TILES
from lstm_kernels.jit import inlined, threaded
from lstm_kernels.numba_patches.untyped import SETTINGS

Array = np.ndarray[Any, Any]

BLOCK, DEPTH = REGISTERS[TILES].block, REGISTERS[TILES].depth
SCRATCH = BLOCK * (DEPTH + 2 * SIDE)
"""Words that a thread needs to convert or transpose a block of A."""

_WIDTHS = {kind.itemsize: REGISTERS[TILES].columns(kind.itemsize) for kind in PRECISIONS.values()}
WIDE = {precision: REGISTERS[TILES].columns(kind.itemsize)[0] for precision, kind in PRECISIONS.items()}
"""Columns of the widest panel."""
# The three widths of panels, for words of 4 and of 8 bytes.
WIDE4, MIDDLE4, NARROW4 = _WIDTHS[4][0], _WIDTHS[4][-2], _WIDTHS[4][-1]
WIDE8, MIDDLE8, NARROW8 = _WIDTHS[8][0], _WIDTHS[8][-2], _WIDTHS[8][-1]


def per_word(precision: str) -> int:
    """Return how many numbers that follow each other in K a word holds."""
    return 2 if precision == "bfloat16" else 1


class Packed:
    """A packed matrix (K, N)."""

    def __init__(self, K: int, N: int, precision: str, words: Array | None = None) -> None:
        """All zero, or with the given words. Raises ValueError where products in `precision` are not available."""
        self.precision = precision
        self.words = packed_stack(1, K, N, precision)[0] if words is None else words
        """As `multiply` takes them."""

    def pack_transposed(self, W: Array, threads: int) -> None:
        """Pack the transpose of W (N, K), as x W' needs a layer's weights."""
        _pack_columns(W, self.words, threads)

    def pack(self, W: Array, threads: int) -> None:
        """Pack W (K, N)."""
        pack(W, self.words, threads)


def packed_stack(count: int, K: int, N: int, precision: str) -> Array:
    """Return the words of `count` packed matrices (K, N): (count, K', N'), all zero. Raises ValueError as `Packed`."""
    kind, shape = prepare(precision), _shape(K, N, precision)
    return zeros(count * shape[0] * shape[1] * kind.itemsize, np.uint8).view(kind).reshape(count, *shape)


class _Workspace(threading.local):
    """Buffers that are reused by name, so that a training step allocates nothing; each Python thread has its own."""

    def __init__(self) -> None:
        self._bytes: dict[str, Array] = {}

    def _buffer(self, name: str, size: int) -> Array:
        held = self._bytes.get(name)
        if held is None or len(held) < size:
            held = self._bytes[name] = zeros(size, np.uint8)
        return held[:size]

    def words(self, K: int, N: int, precision: str, name: str = "words") -> Array:
        """Return words for a packed matrix (K, N), valid until the next call with that name.

        Raises ValueError as `Packed`.
        """
        kind, shape = prepare(precision), _shape(K, N, precision)
        return self._buffer(name, shape[0] * shape[1] * kind.itemsize).view(kind).reshape(shape)

    def numbers(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array, valid until the next call."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        return self._buffer("numbers", size).view(dtype).reshape(shape)

    def scratch(self, threads: int, precision: str) -> Array:
        """Return scratch space of `multiply` and `multiply_transposed`: (threads, SCRATCH) words."""
        kind = PRECISIONS[precision]
        return self._buffer("scratch", threads * SCRATCH * kind.itemsize).view(kind).reshape(threads, SCRATCH)


workspace = _Workspace()


def _shape(K: int, N: int, precision: str) -> tuple[int, int]:
    narrow = REGISTERS[TILES].columns(PRECISIONS[precision].itemsize)[-1]
    return -(-K // per_word(precision)), -(-N // narrow) * narrow


@inlined
def _panel(words, n, N):
    """Return the first column of the panel with column n, and that after its last; n is a multiple of NARROW."""
    wide, middle, narrow = (WIDE4, MIDDLE4, NARROW4) if words.itemsize == 4 else (WIDE8, MIDDLE8, NARROW8)
    if n < N - N % wide:
        start = n - n % wide
        return start, start + wide
    start = N - N % wide
    if middle < wide and N - start >= middle:
        if n < start + middle:
            return start, start + middle
        start += middle
    start += (n - start) // narrow * narrow
    return start, start + narrow


@register_jitable
def pair(even, odd):
    """Return a word of two numbers that follow each other in K, in bfloat16."""
    return types.uint32(bfloat16_bits(even)) | types.uint32(bfloat16_bits(odd)) << 16


def pack_rows(W, words, N, low, high):
    """Pack columns low to high of W (K, N) into `words`, which may be deeper; both bounds are bounds of panels."""
    raise NotImplementedError


@overload(pack_rows)
def _pack_rows_of(W, words, N, low, high):
    pairs = words.dtype == types.uint32
    step = 2 if pairs else 1
    pack_it = pack_vector["bfloat16" if pairs else "float32" if words.dtype == types.float32 else "float64"]
    narrow = NARROW8 if words.dtype == types.float64 else NARROW4

    def word(W, k, n):
        if not pairs:
            return W[k, n]
        return pair(W[k, n], W[k + 1, n] if k + 1 < W.shape[0] else zero(W[k, n]))

    word = register_jitable(word)

    def pack(W, words, N, low, high):
        K, depth, size = W.shape[0], words.shape[0], words.itemsize
        flat = words.reshape(-1)
        whole = K // step * step  # rows whose words have all of their numbers
        n = low
        while n < high:
            start, end = _panel(words, n, N)
            live, width = min(end, N) - start, end - start
            vectors = live // narrow * narrow
            for k in range(0, K, step):
                at = depth * start + k // step * width
                laid = vectors if k < whole else 0
                row, below, to = address(W, k, start), address(W, k + step - 1, start), address(flat, 1, at)
                for j in range(0, laid * size, narrow * size):
                    pack_it(row + j, below + j, to + j)
                for j in range(laid, live):
                    flat[at + j] = word(W, k, start + j)
            n = end

    return pack


def pack_columns(W, words, low, high):
    """Pack rows low to high of W (N, K) as columns; both bounds are bounds of panels."""
    raise NotImplementedError


@overload(pack_columns)
def _pack_columns_of(W, words, low, high):
    pairs, blocks = words.dtype == types.uint32, words.dtype != types.float64
    per, move = (2, transpose_pairs) if pairs else (1, transpose)

    def word(W, n, k):
        if not pairs:
            return W[n, k]
        return pair(W[n, k * 2], W[n, k * 2 + 1] if k * 2 + 1 < W.shape[1] else zero(W[n, k * 2]))

    word = register_jitable(word)

    def pack(W, words, low, high):
        (N, K), depth, size = W.shape, words.shape[0], words.itemsize
        flat = words.reshape(-1)
        words_of_row = K // per  # words with all of their numbers
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
    """Write column n of a packed matrix (K, N) to x (K,); bfloat16 numbers are as they were rounded."""
    raise NotImplementedError


@overload(unpack_column)
def _unpack_column_of(words, n, N, x):
    pairs = words.dtype == types.uint32

    def unpack(words, n, N, x):
        start, end = _panel(words, n - n % _narrow(words), N)
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
def _narrow(words):
    return NARROW4 if words.itemsize == 4 else NARROW8


@inlined
def panels_of(words, N, k, threads):
    """Return the columns (from, to) of a packed matrix that thread k has: whole panels."""
    wide = WIDE4 if words.itemsize == 4 else WIDE8
    count = -(-N // wide)
    return min(k * count // threads * wide, N), min((k + 1) * count // threads * wide, N)


@inlined
def columns_between(words, low, high):
    """Return columns low to high of a packed matrix as a packed matrix.

    Both are bounds of panels, or `high` is the number of columns.
    """
    depth, width = words.shape
    end = min(-(-high // _narrow(words)) * _narrow(words), width)
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


if SETTINGS.DISABLE_JIT:  # plain NumPy, for a debugger: words are the matrix itself, of float32 or float64

    def pack_rows(W, words, N, low, high):
        words[: len(W), low:high] = W[:, low:high]

    def pack_columns(W, words, low, high):
        words[: W.shape[1], low:high] = W[low:high].T

    def unpack_column(words, n, N, x):
        x[...] = words[: len(x), n]
