"""Twin of `cpu.embedding`: a row of a table for each token, and the gradient of the table.

One block sums the gradient of a token in the order of its positions: atomic additions would give other bits each time.
The positions of each token are linked first.
"""

from __future__ import annotations

import numpy as np

from lstm_kernels.cuda.arrays import zeros
from lstm_kernels.cuda.launch import Array, cuda, elementwise_grid, kernel, row_grid

_held: dict[int, Array] = {}


@kernel
def _forward(table, tokens, out):
    N, D = out.shape
    for n in range(cuda.blockIdx.x, N, cuda.gridDim.x):
        v = tokens[n]
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            out[n, d] = table[v, d]


@kernel
def _link_occurrences(tokens, following):
    """Fill following with the next position of each token, N after the last; as -next - 1 where it is not the first."""
    N = tokens.shape[0]
    for n in range(cuda.grid(1), N, cuda.gridsize(1)):
        v = tokens[n]
        after = n + 1
        while after < N and tokens[after] != v:
            after += 1
        before = n - 1
        while before >= 0 and tokens[before] != v:
            before -= 1
        following[n] = after if before < 0 else -after - 1


@kernel
def _backward(dout, tokens, following, dtable):
    N, D = dout.shape
    for first in range(cuda.blockIdx.x, N, cuda.gridDim.x):
        if following[first] >= 0:
            v = tokens[first]
            for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
                total = dout[first, d]
                n = following[first]
                while n < N:
                    total += dout[n, d]
                    n = -following[n] - 1
                dtable[v, d] += total


@kernel
def _clear(tokens, dtable):
    N, D = tokens.shape[0], dtable.shape[1]
    for n in range(cuda.blockIdx.x, N, cuda.gridDim.x):
        v = tokens[n]
        for d in range(cuda.threadIdx.x, D, cuda.blockDim.x):
            dtable[v, d] = 0


def forward(table: Array, tokens: Array, out: Array, threads: int) -> None:
    """Copy a row of table (V, D) for each of tokens (N,) to out (N, D)."""
    _forward[row_grid(len(tokens))](table, tokens, out)


def backward(dout: Array, tokens: Array, dtable: Array, threads: int) -> None:
    """Add each row of dout (N, D) to that of its token in dtable (V, D)."""
    N = len(tokens)
    if N not in _held:
        _held[N] = zeros(N, np.int32)
    following = _held[N]
    _link_occurrences[elementwise_grid(N)](tokens, following)
    _backward[row_grid(N)](dout, tokens, following, dtable)


def clear(tokens: Array, dtable: Array, threads: int) -> None:
    """Set the rows of tokens (N,) in dtable (V, D) to 0."""
    _clear[row_grid(len(tokens))](tokens, dtable)
