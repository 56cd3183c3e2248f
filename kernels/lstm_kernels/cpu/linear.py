"""Linear layer: out = x W' + b for all positions at once, and its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.cpu.gemm import bias_of, multiply, multiply_transposed, nothing, rows_of
from lstm_kernels.cpu.packing import DEPTH, pack, per_word, workspace
from lstm_kernels.interface import PackedMatrix
from lstm_kernels.jit import threaded

Array = np.ndarray[Any, Any]

# An empty array stands for no bias, so that both cases share one compiled version.
_NO_BIAS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float32, np.float64)}


@threaded
def _forward(k, threads, x, words, b, out, scratch):
    N = out.shape[0]
    low, high = k * N // threads, (k + 1) * N // threads
    multiply(x[low:high], words, 0, bias_of(b), out[low:high], scratch[k])


@threaded
def _backward_input(k, threads, dout, words, add, dx, scratch):
    N = dx.shape[0]
    low, high = k * N // threads, (k + 1) * N // threads
    multiply(dout[low:high], words, 0, rows_of(dx[low:high]) if add else nothing(), dx[low:high], scratch[k])


@threaded
def _backward_weights(k, threads, dout, words, add, dW, db, scratch):
    M = dout.shape[1]
    low, high = k * M // threads, (k + 1) * M // threads
    sums = db[low:high] if db.shape[0] > 0 else db
    if not add:
        sums[:] = 0
    plus = rows_of(dW[low:high]) if add else nothing()
    multiply_transposed(dout[:, low:high], words, plus, dW[low:high], sums, scratch[k])


def forward(x: Array, W: PackedMatrix, b: Array | None, out: Array, threads: int) -> None:
    """Fill out with x W' + b.

    x    (N, D)  in
    W    (D, M)  in   the weights (M, D), packed as columns
    b    (M,)    in   or None
    out  (N, M)  out
    """
    scratch = workspace.scratch(threads, W.precision)
    _forward(x, W.words, _NO_BIAS[out.dtype] if b is None else b, out, scratch, threads)


def backward_input(dout: Array, W: Array, dx: Array, precision: str, threads: int, *, add: bool = False) -> None:
    """Fill dx, or add to it.

    dout  (N, M)  in
    W     (M, D)  in
    dx    (N, D)  out, or in-out
    """
    words = workspace.words(W.shape[0], W.shape[1], precision)
    pack(W, words, threads)
    _backward_input(dout, words, add, dx, workspace.scratch(threads, precision), threads)


def backward_weights(
    dout: Array, x: Array, dW: Array, db: Array | None, precision: str, threads: int, *, add: bool = False
) -> None:
    """Fill dW and db, or add to them; threads split their rows.

    dout  (N, M)  in
    x     (N, D)  in
    dW    (M, D)  out, or in-out
    db    (M,)    out, or in-out; or None
    """
    chunks = -(-len(x) // (CHUNK * per_word(precision)))
    words = workspace.words(-(-len(x) // chunks), x.shape[1], precision)
    scratch = workspace.scratch(threads, precision)
    sums = _NO_BIAS[dW.dtype] if db is None else db
    for chunk in range(chunks):
        top, end = chunk * len(x) // chunks, (chunk + 1) * len(x) // chunks
        pack(x[top:end], words, threads)
        _backward_weights(dout[top:end], words, add or chunk > 0, dW, sums, scratch, threads)


CHUNK = 2 * DEPTH
"""Words of x in K that are packed at once: few enough to stay in the cache."""
