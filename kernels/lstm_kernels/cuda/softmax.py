"""Twin of `cpu.softmax`: a block for each row of logits, whose threads reduce in shared memory."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from lstm_kernels.activations import exp
from lstm_kernels.cuda.launch import THREADS, Array, cuda, inlined, kernel, row_grid, types_of
from lstm_kernels.interface import NO_SMOOTHING, Smoothing


def _reduce_max(shared, x):
    """Reduce the values of a block's threads, each at its x, to their maximum in shared[0]."""
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if x < half and shared[x + half] > shared[x]:
            shared[x] = shared[x + half]
        cuda.syncthreads()
        half //= 2


def _reduce_sum(shared, x):
    """Reduce them to their sum in shared[0]."""
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if x < half:
            shared[x] += shared[x + half]
        cuda.syncthreads()
        half //= 2


reduce_max, reduce_sum = inlined(_reduce_max), inlined(_reduce_sum)


@cache
def _cross_entropy(dtype: str) -> Any:
    number, kind = types_of(dtype)
    least, none = number(-np.inf), number(0)

    @kernel
    def cross_entropy(logits, targets, nll, uniform, wanted, scale, of_target, of_each):
        shared = cuda.shared.array(THREADS, kind)
        N, V = logits.shape
        x = cuda.threadIdx.x
        for n in range(cuda.blockIdx.x, N, cuda.gridDim.x):
            target = targets[n]
            if target < 0:
                for v in range(x, V, THREADS):
                    logits[n, v] = none
                if x == 0:
                    nll[n] = none
                    if wanted:
                        uniform[n] = none
                continue
            largest = least
            for v in range(x, V, THREADS):
                largest = logits[n, v] if logits[n, v] > largest else largest
            shared[x] = largest
            reduce_max(shared, x)
            largest = shared[0]
            below = largest - logits[n, target]
            cuda.syncthreads()  # all have read it before it is overwritten
            if wanted:
                total = none
                for v in range(x, V, THREADS):
                    total += largest - logits[n, v]
                shared[x] = total
                reduce_sum(shared, x)
                if x == 0:
                    uniform[n] = shared[0] / number(V)
                cuda.syncthreads()
            total = none
            for v in range(x, V, THREADS):
                e = exp(logits[n, v] - largest)
                logits[n, v] = e
                total += e
            shared[x] = total
            reduce_sum(shared, x)
            total = shared[0]
            factor = scale / total
            for v in range(x, V, THREADS):
                p = logits[n, v] * factor
                p = p - of_each if of_each > none else p
                logits[n, v] = p - of_target if v == target else p
            if x == 0:
                nll[n] = below + number(math.log(total))
                if wanted:
                    uniform[n] += number(math.log(total))
            cuda.syncthreads()  # before the next row is written to `shared`

    return cross_entropy


def cross_entropy(
    logits: Array, targets: Array, nll: Array, scale: float, threads: int, smoothing: Smoothing = NO_SMOOTHING
) -> None:
    """Fill nll (N,), and `smoothing.uniform` where it is wanted, and turn logits (N, V) into the gradient of
    scale * sum(loss)."""
    number, (rate, uniform) = logits.dtype.type, smoothing
    scales = [number(value) for value in (scale, scale * (1 - rate), scale * rate / logits.shape[1])]
    _cross_entropy(logits.dtype.name)[row_grid(len(nll))](
        logits, targets, nll, nll if uniform is None else uniform, uniform is not None, *scales
    )
