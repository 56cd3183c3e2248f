"""tanh of each number, columns of wider rows, and means over the steps of sequences; each with its gradient.

Columns are those of a concatenation: parts side by side in the rows of one array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels import activations
from lstm_kernels.activations import tanh_slope
from lstm_kernels.jit import threaded

Array = np.ndarray[Any, Any]


@threaded
def _tanh(k, threads, x, out):
    N = x.shape[0]
    low, high = k * N // threads, (k + 1) * N // threads
    x_k, out_k = x[low:high], out[low:high]  # counted from 0, the loop vectorises
    for n in range(x_k.shape[0]):
        out_k[n] = activations.tanh(x_k[n])


@threaded
def _tanh_backward(k, threads, dy, y, dx):
    N = y.shape[0]
    low, high = k * N // threads, (k + 1) * N // threads
    dy_k, y_k, dx_k = dy[low:high], y[low:high], dx[low:high]
    for n in range(y_k.shape[0]):
        dx_k[n] = dy_k[n] * tanh_slope(y_k[n])


@threaded
def _put_columns(k, threads, x, first, out):
    N, D = x.shape
    for n in range(k * N // threads, (k + 1) * N // threads):
        x_n, out_n = x[n], out[n, first : first + D]
        for d in range(D):
            out_n[d] = x_n[d]


@threaded
def _get_columns(k, threads, x, first, add, out):
    N, D = out.shape
    for n in range(k * N // threads, (k + 1) * N // threads):
        x_n, out_n = x[n, first : first + D], out[n]
        if add:
            for d in range(D):
                out_n[d] += x_n[d]
        else:
            for d in range(D):
                out_n[d] = x_n[d]


@threaded
def _mean_of_steps(k, threads, x, lengths, out):
    B, D = out.shape
    for b in range(k * B // threads, (k + 1) * B // threads):
        out_b = out[b]
        out_b[:] = 0
        for t in range(lengths[b]):
            x_b = x[t, b]
            for d in range(D):
                out_b[d] += x_b[d]
        for d in range(D):
            out_b[d] /= max(1, lengths[b])


@threaded
def _mean_of_steps_backward(k, threads, dout, lengths, dx):
    T, B, D = dx.shape
    for n in range(k * T * B // threads, (k + 1) * T * B // threads):
        t, b = n // B, n % B
        if t < lengths[b]:
            dout_b, dx_n = dout[b], dx[t, b]
            for d in range(D):
                dx_n[d] += dout_b[d] / lengths[b]


def tanh(x: Array, out: Array, threads: int) -> None:
    """Fill out (n,) with tanh of x (n,); out may be x itself."""
    _tanh(x, out, threads)


def tanh_backward(dy: Array, y: Array, dx: Array, threads: int) -> None:
    """Fill dx (n,) with dy * (1 - y^2), given y = tanh(x) (n,); dx may be dy itself."""
    _tanh_backward(dy, y, dx, threads)


def put_columns(x: Array, first: int, out: Array, threads: int) -> None:
    """Copy x to columns of wider rows, from column `first` on.

    x    (N, D)  in
    out  (N, M)  in-out  first + D <= M (not checked)
    """
    _put_columns(x, first, out, threads)


def get_columns(x: Array, first: int, out: Array, threads: int, *, add: bool = False) -> None:
    """Fill out with columns of x, from column `first` on, or add them to it: the gradient of `put_columns`.

    x    (N, M)  in
    out  (N, D)  out, or in-out  first + D <= M (not checked)
    """
    _get_columns(x, first, add, out, threads)


def mean_of_steps(x: Array, lengths: Array, out: Array, threads: int) -> None:
    """Fill out with the mean of each sequence over its steps; 0 for a sequence without any.

    x        (T, B, D)   in
    lengths  (B,) int32  in   at most T
    out      (B, D)      out
    """
    _mean_of_steps(x, lengths, out, threads)


def mean_of_steps_backward(dout: Array, lengths: Array, dx: Array, threads: int) -> None:
    """Add the gradient of `mean_of_steps` to that of x.

    dout     (B, D)      in
    lengths  (B,) int32  in
    dx       (T, B, D)   in-out  added to, up to each length
    """
    _mean_of_steps_backward(dout, lengths, dx, threads)
