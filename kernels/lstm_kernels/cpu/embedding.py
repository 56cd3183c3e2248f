"""Embedding: a row of a table for each token, and the gradient of the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.jit import threaded

Array = np.ndarray[Any, Any]


@threaded
def _forward(k, threads, table, tokens, out):
    N, D = out.shape
    for n in range(k * N // threads, (k + 1) * N // threads):
        row = table[tokens[n]]
        for d in range(D):
            out[n, d] = row[d]


@threaded
def _backward(k, threads, dout, tokens, dtable):
    N, D = dout.shape
    low, high = k * D // threads, (k + 1) * D // threads
    for n in range(N):
        row, dout_n = dtable[tokens[n], low:high], dout[n, low:high]  # counted from 0, the loop vectorises
        for d in range(row.shape[0]):
            row[d] += dout_n[d]


@threaded
def _clear(k, threads, tokens, dtable):
    N, D = tokens.shape[0], dtable.shape[1]
    low, high = k * D // threads, (k + 1) * D // threads
    for n in range(N):
        dtable[tokens[n], low:high] = 0


def forward(table: Array, tokens: Array, out: Array, threads: int) -> None:
    """Copy a row for each token.

    table   (V, D)  in
    tokens  (N,)    in   int32, each below V (not checked)
    out     (N, D)  out
    """
    _forward(table, tokens, out, threads)


def backward(dout: Array, tokens: Array, dtable: Array, threads: int) -> None:
    """Add each position's gradient to its token's row; threads split the columns, so that no two write to one element.

    dout    (N, D)  in
    tokens  (N,)    in      int32, each below V (not checked)
    dtable  (V, D)  in-out  added to
    """
    _backward(dout, tokens, dtable, threads)


def clear(tokens: Array, dtable: Array, threads: int) -> None:
    """Set the rows of some tokens to 0: those of a large table that `backward` has written to.

    tokens  (N,)    in   int32, each below V (not checked)
    dtable  (V, D)  out
    """
    _clear(tokens, dtable, threads)
