"""Linear layer: out = x W' + b for all positions at once, and its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from lstm_kernels.compile import threaded
from lstm_kernels.cpu.product import product

Array = np.ndarray[Any, Any]

# An empty bias stands for none, so that both cases are one compiled version.
_NO_BIAS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float32, np.float64)}


@threaded
def _forward(x, W, b, out, threads):
    N, M = out.shape
    for k in prange(threads):
        low, high = k * N // threads, (k + 1) * N // threads
        if b.shape[0] == 0:
            product(False, True, 1.0, x[low:high], W, 0.0, out[low:high])
        else:
            for n in range(low, high):
                for m in range(M):
                    out[n, m] = b[m]
            product(False, True, 1.0, x[low:high], W, 1.0, out[low:high])


@threaded
def _backward_input(dout, W, dx, threads):
    N = dout.shape[0]
    for k in prange(threads):
        low, high = k * N // threads, (k + 1) * N // threads
        product(False, False, 1.0, dout[low:high], W, 0.0, dx[low:high])


@threaded
def _backward_weights(dout, x, dW, db, threads):
    N, M = dout.shape
    for k in prange(threads):
        low, high = k * M // threads, (k + 1) * M // threads
        product(True, False, 1.0, dout[:, low:high], x, 1.0, dW[low:high])
        if db.shape[0] > 0:
            for n in range(N):
                for m in range(low, high):
                    db[m] += dout[n, m]


def forward(x: Array, W: Array, b: Array | None, out: Array, threads: int) -> None:
    """Fill out with x W' + b.

    x    (N, D)  in
    W    (M, D)  in
    b    (M,)    in   or None
    out  (N, M)  out
    """
    _forward(x, W, _NO_BIAS[W.dtype] if b is None else b, out, threads)


def backward_input(dout: Array, W: Array, dx: Array, threads: int) -> None:
    """Fill dx.

    dout  (N, M)  in
    W     (M, D)  in
    dx    (N, D)  out
    """
    _backward_input(dout, W, dx, threads)


def backward_weights(dout: Array, x: Array, dW: Array, db: Array | None, threads: int) -> None:
    """Add to dW and db; threads share out their rows.

    dout  (N, M)  in
    x     (N, D)  in
    dW    (M, D)  in-out  added to
    db    (M,)    in-out  added to; or None
    """
    _backward_weights(dout, x, dW, _NO_BIAS[dW.dtype] if db is None else db, threads)
