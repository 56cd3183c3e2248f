"""Sums over long arrays: each thread sums a part, each block the sums of its threads, the host those of the blocks.

Squares are summed in float64, as on the processor: a norm must not overflow where no number does. It costs nothing,
since such a kernel is limited by memory bandwidth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.cuda.arrays import to_host, zeros
from lstm_kernels.cuda.launch import MAX_BLOCKS, THREADS, Array, cuda, inlined, kernel

_held: list[Array] = []


def partial_sums() -> Array:
    """Return zeros for the sums of blocks, (MAX_BLOCKS,) float64."""
    return zeros(MAX_BLOCKS, np.float64)


def shared_partial_sums() -> Array:
    """Return the same array at each call, for sums that are read at once."""
    if not _held:
        _held.append(partial_sums())
    return _held[0]


def total(sums: Array, blocks: int) -> float:
    """Return the sum over the first `blocks` blocks."""
    return float(to_host(sums)[:blocks].sum())


def sum_kernel(term: Any, *, adds: bool = False) -> Any:
    """Return a kernel that sets sums[block] to its part of the sum of term(n, slope, a, b) over n < count.

    With `adds` it adds to sums[block] instead.
    """
    term = inlined(term)

    @kernel
    def sum_up(count, sums, slope, a, b):
        shared = cuda.shared.array(THREADS, np.float64)
        x = cuda.threadIdx.x
        found = 0.0
        for n in range(cuda.grid(1), count, cuda.gridsize(1)):
            found += term(n, slope, a, b)
        shared[x] = found
        cuda.syncthreads()
        half = THREADS // 2
        while half > 0:
            if x < half:
                shared[x] += shared[x + half]
            cuda.syncthreads()
            half //= 2
        if x == 0:
            sums[cuda.blockIdx.x] = sums[cuda.blockIdx.x] + shared[0] if adds else shared[0]

    return sum_up
