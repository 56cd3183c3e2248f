"""Penalties on the top layer's outputs: activation regularisation (AR) and temporal activation regularisation (TAR).

    AR   alpha / (T B H)       sum over t of |m * h_t|^2          m: the dropout mask, or 1
    TAR  beta  / ((T - 1) B H) sum over t > 0 of |h_t - h_{t-1}|^2    within a window

Source: Merity, McCann and Socher 2017, arXiv:1708.02182, section 4.6, "Revisiting activation regularization for
language tasks".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.jit import SUMS, threaded

Array = np.ndarray[Any, Any]


@threaded(fastmath=SUMS)
def _activation(k, threads, x, dx, slope, sums):
    N = x.shape[0]
    slope = x.dtype.type(slope)
    low, high = k * N // threads, (k + 1) * N // threads
    x_k, dx_k = x[low:high], dx[low:high]
    total = 0.0
    for n in range(x_k.shape[0]):
        dx_k[n] += slope * x_k[n]
        total += np.float64(x_k[n]) * np.float64(x_k[n])
    sums[k] += total


@threaded(fastmath=SUMS)
def _temporal(k, threads, h, dh, dh_before, slope, counts_first, sums):
    T, B, H = dh.shape
    slope = h.dtype.type(slope)
    total = 0.0
    for b in range(k * B // threads, (k + 1) * B // threads):
        for t in range(0 if counts_first else 1, T):
            now, before, dnow = h[t + 1, b], h[t, b], dh[t, b]
            for n in range(H):
                step = now[n] - before[n]
                dnow[n] += slope * step
                total += np.float64(step) * np.float64(step)
            dbefore = dh_before[b] if t == 0 else dh[t - 1, b]
            for n in range(H):
                dbefore[n] -= slope * (now[n] - before[n])
    sums[k] += total


def square_sums(threads: int) -> Array:
    """Return zeros to which kernels add squares; the sum of all elements is the sum of squares."""
    return np.zeros(threads)


def activation(x: Array, dx: Array, slope: float, sums: Array, threads: int) -> None:
    """Add slope * x, the gradient of slope / 2 * sum(x^2), to dx, and the sum of x^2 to `sums`.

    x     (N,)        in
    dx    (N,)        in-out  added to
    sums  (threads,)  in-out  added to; float64
    """
    _activation(x, dx, float(slope), sums, threads)


def temporal(
    h: Array, dh: Array, dh_before: Array, slope: float, counts_first: bool, sums: Array, threads: int
) -> None:
    """Add the gradient of slope / 2 * sum over steps of (h_t - h_{t-1})^2 to dh, and that sum to `sums`.

    h             (T + 1, B, H)  in      slot 0 is the state before the first step
    dh            (T, B, H)      in-out  gradient of the states of the T steps, added to
    dh_before     (B, H)         in-out  gradient of the state before them, added to
    counts_first                 in      whether the first step's difference from slot 0 counts
    sums          (threads,)     in-out  added to; float64
    """
    _temporal(h, dh, dh_before, float(slope), counts_first, sums, threads)
