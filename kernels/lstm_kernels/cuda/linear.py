"""Twin of `cpu.linear`: out = x W' + b for all positions at once, and its gradients, each a library product."""

from __future__ import annotations

from functools import cache
from typing import Any

from lstm_kernels.cuda.gemm import multiply
from lstm_kernels.cuda.launch import SIMULATED, Array, cuda, kernel, types_of
from lstm_kernels.interface import PackedMatrix

ACROSS, DOWN = (2, 2) if SIMULATED else (32, 32)
"""Columns that a block sums, and threads for each column."""


@cache
def _sum_rows(dtype: str) -> Any:
    """Return the kernel of db: a thread sums every DOWN-th row of a column, the first then adds up the sums."""
    size, number, kind = (DOWN, ACROSS), *types_of(dtype)

    @kernel
    def sum_rows(dout, db, add):
        sums = cuda.shared.array(size, kind)
        N, M = dout.shape
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        m = cuda.blockIdx.x * ACROSS + x
        total = number(0)
        if m < M:
            for n in range(y, N, DOWN):
                total += dout[n, m]
        sums[y, x] = total
        cuda.syncthreads()
        if y == 0 and m < M:
            for other in range(1, DOWN):
                total += sums[other, x]
            db[m] = db[m] + total if add else total

    return sum_rows


def forward(x: Array, W: PackedMatrix, b: Array | None, out: Array, threads: int) -> None:
    """Fill out (N, M) with x (N, D) W' + b."""
    multiply(x, W.words, out, W.precision, bias=b)


def backward_input(dout: Array, W: Array, dx: Array, precision: str, threads: int, *, add: bool = False) -> None:
    """Fill dx (N, D), or add to it, given dout (N, M)."""
    multiply(dout, W, dx, precision, add=add)


def backward_weights(
    dout: Array, x: Array, dW: Array, db: Array | None, precision: str, threads: int, *, add: bool = False
) -> None:
    """Fill dW (M, D) and db (M,), or add to them."""
    multiply(dout, x, dW, precision, transposed=True, add=add)
    if db is not None:
        _sum_rows(db.dtype.name)[-(-len(db) // ACROSS), (ACROSS, DOWN)](dout, db, add)
