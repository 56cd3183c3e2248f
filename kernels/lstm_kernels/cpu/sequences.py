"""Sequences of different lengths side by side, time first: reversed, or padded with 0.

Each function is its own gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.jit import threaded

Array = np.ndarray[Any, Any]


@threaded
def _reverse(k, threads, x, lengths, out):
    T, B, D = x.shape
    for n in range(k * T * B // threads, (k + 1) * T * B // threads):
        t, b = n // B, n % B
        out_n = out[t, b]
        if t < lengths[b]:
            x_n = x[lengths[b] - 1 - t, b]
            for d in range(D):
                out_n[d] = x_n[d]
        else:
            for d in range(D):
                out_n[d] = 0


@threaded
def _cut(k, threads, x, lengths, out):
    T, B, D = x.shape
    for n in range(k * T * B // threads, (k + 1) * T * B // threads):
        x_n, out_n = x[n // B, n % B], out[n // B, n % B]
        if n // B < lengths[n % B]:
            for d in range(D):
                out_n[d] = x_n[d]
        else:
            for d in range(D):
                out_n[d] = 0


def reverse(x: Array, lengths: Array, out: Array, threads: int) -> None:
    """Reverse each sequence within its length, and pad it with 0.

    x        (T, B, D)    in   rows contiguous, here and in `out`
    lengths  (B,) int32   in   at most T
    out      (T, B, D)    out  not x
    """
    _reverse(x, lengths, out, threads)


def cut(x: Array, lengths: Array, out: Array, threads: int) -> None:
    """Copy each sequence up to its length, and pad it with 0. Arguments as for `reverse`."""
    _cut(x, lengths, out, threads)
