"""Twin of `cpu.ctc`: a block for each frame's logits, and one for each utterance that walks over its frames.

The threads of a block share out the tokens of a frame, or the states of an utterance; `work` is laid out as there, and
`loss` is its own: beta of a frame and beta + y of the next lie in the two frames behind the last.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from lstm_kernels.activations import exp
from lstm_kernels.cuda.launch import THREADS, Array, cuda, elementwise_grid, inlined, kernel, row_grid, types_of
from lstm_kernels.interface import CTCTargets

IMPOSSIBLE = -1e30
"""As `cpu.ctc.IMPOSSIBLE`."""


def work_shape(T: int, B: int, U: int) -> tuple[int, ...]:
    """Return the shape of the `work` that `loss` needs for B utterances of up to T frames and U labels."""
    return B, T + 2, 3, U + 2


# As in `softmax`: the simulator has barriers only for functions of the kernel's own module.
def _reduce_max(shared, x):
    """Leave in shared[0] the largest of what the threads of a block have there, each at its x."""
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if x < half and shared[x + half] > shared[x]:
            shared[x] = shared[x + half]
        cuda.syncthreads()
        half //= 2


def _reduce_sum(shared, x):
    """Leave in shared[0] their sum."""
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if x < half:
            shared[x] += shared[x + half]
        cuda.syncthreads()
        half //= 2


reduce_max, reduce_sum = inlined(_reduce_max), inlined(_reduce_sum)


@kernel
def _align(lengths, labels, label_lengths, nll, aligned, work, none, impossible):
    """A thread for each utterance: whether there is a path, and `apart`."""
    T = work.shape[1] - 2
    for b in range(cuda.grid(1), lengths.shape[0], cuda.gridsize(1)):
        U = label_lengths[b]
        needed = U
        for u in range(U + 2):
            work[b, T, 2, u] = none
            if u >= 2 and u <= U and labels[b, u - 1] == labels[b, u - 2]:
                work[b, T, 2, u] = impossible
                needed += 1
        aligned[b] = 1 if lengths[b] >= needed else 0
        nll[b] = none


@cache
def _log_softmax(dtype: str) -> Any:
    """Return the kernel of a frame's log-softmax: a block for each frame of each utterance."""
    number, element = types_of(dtype)
    least, none = number(-np.inf), number(0)

    @kernel
    def log_softmax(logits, lengths, labels, label_lengths, aligned, work, scale):
        shared = cuda.shared.array(THREADS, element)
        T, B, V = logits.shape
        x = cuda.threadIdx.x
        for frame in range(cuda.blockIdx.x, T * B, cuda.gridDim.x):
            t, b = frame // B, frame % B
            if t >= lengths[b] or aligned[b] == 0:
                for v in range(x, V, THREADS):
                    logits[t, b, v] = none
                continue
            U = label_lengths[b]
            largest = least
            for v in range(x, V, THREADS):
                largest = logits[t, b, v] if logits[t, b, v] > largest else largest
            shared[x] = largest
            reduce_max(shared, x)
            largest = shared[0]
            for u in range(x, U + 1, THREADS):
                work[b, t, 2, u] = logits[t, b, labels[b, u - 1] if u > 0 else 0] - largest
            cuda.syncthreads()  # all have read what is now overwritten
            total = none
            for v in range(x, V, THREADS):
                e = exp(logits[t, b, v] - largest)
                logits[t, b, v] = e
                total += e
            shared[x] = total
            reduce_sum(shared, x)
            total = shared[0]
            log_total = number(math.log(total))
            for u in range(x, U + 1, THREADS):
                work[b, t, 2, u] -= log_total
            if x == 0:
                work[b, t, 2, U + 1] = scale / total
            cuda.syncthreads()  # before the next frame is written to `shared`

    return log_softmax


@cache
def _walk(dtype: str) -> Any:
    """Return the kernel of alpha, beta and the posterior: a block for each utterance."""
    number, element = types_of(dtype)
    none, impossible = number(0), number(IMPOSSIBLE)

    @inlined
    def log_add(a, b):
        largest = a if a > b else b
        return largest + number(math.log(exp(a - largest) + exp(b - largest)))

    @inlined
    def log_add3(a, b, c):
        largest = a if a > b else b
        largest = c if c > largest else largest
        return largest + number(math.log(exp(a - largest) + exp(b - largest) + exp(c - largest)))

    @kernel
    def recursions(lengths, label_lengths, nll, aligned, work, scale):
        shared = cuda.shared.array(THREADS, element)
        x = cuda.threadIdx.x
        T = work.shape[1] - 2
        for b in range(cuda.blockIdx.x, lengths.shape[0], cuda.gridDim.x):
            n, U = lengths[b], label_lengths[b]
            if n == 0 or aligned[b] == 0:
                continue
            # What is taken off, with what its float32 loses (Kahan's sum), which the processor adds up in float64.
            taken_off, lost = none, none
            for t in range(n):
                largest = impossible
                for u in range(x, U + 1, THREADS):
                    blank, label = impossible, impossible
                    if t == 0:
                        blank = work[b, t, 2, 0] if u == 0 else impossible
                        label = work[b, t, 2, 1] if u == 1 else impossible
                    else:
                        blank = log_add(work[b, t - 1, 0, u], work[b, t - 1, 1, u]) + work[b, t, 2, 0]
                        if u > 0:
                            before = work[b, t - 1, 1, u - 1] + work[b, T, 2, u]
                            label = log_add3(work[b, t - 1, 1, u], work[b, t - 1, 0, u - 1], before) + work[b, t, 2, u]
                    work[b, t, 0, u] = blank
                    work[b, t, 1, u] = label
                    # A NaN is never larger: what is not smaller is taken.
                    largest = largest if blank < largest else blank
                    largest = largest if label < largest else label
                shared[x] = largest
                reduce_max(shared, x)
                largest = shared[0]
                for u in range(x, U + 1, THREADS):
                    work[b, t, 0, u] -= largest
                    work[b, t, 1, u] -= largest
                term = largest - lost
                before_term, taken_off = taken_off, taken_off + term
                lost = (taken_off - before_term) - term
                cuda.syncthreads()
            if x == 0:
                found = -(taken_off + log_add(work[b, n - 1, 0, U], work[b, n - 1, 1, U]))
                nll[b] = none if found < 0 else found
            for t in range(n - 1, -1, -1):
                if t < n - 1:
                    for u in range(x, U + 2, THREADS):
                        last = u == U + 1
                        work[b, T + 1, 0, u] = impossible if last else work[b, T, 0, u] + work[b, t + 1, 2, 0]
                        work[b, T + 1, 1, u] = impossible if last else work[b, T, 1, u] + work[b, t + 1, 2, u]
                    cuda.syncthreads()
                largest = impossible
                for u in range(x, U + 1, THREADS):
                    if t == n - 1:
                        blank = none if u == U else impossible
                        label = none if u == U and u > 0 else impossible
                    else:
                        blank = log_add(work[b, T + 1, 0, u], work[b, T + 1, 1, u + 1])
                        label = impossible
                        if u > 0:
                            beyond = work[b, T + 1, 1, u + 1] + work[b, T, 2, u + 1]
                            label = log_add3(work[b, T + 1, 1, u], work[b, T + 1, 0, u], beyond)
                    work[b, T, 0, u] = blank
                    work[b, T, 1, u] = label
                    largest = largest if blank < largest else blank
                    largest = largest if label < largest else label
                shared[x] = largest
                reduce_max(shared, x)
                largest = shared[0]
                cuda.syncthreads()
                most = number(2) * impossible
                for u in range(x, U + 1, THREADS):
                    work[b, T, 0, u] -= largest
                    work[b, T, 1, u] -= largest
                    work[b, t, 0, u] += work[b, T, 0, u]
                    work[b, t, 1, u] += work[b, T, 1, u]
                    most = most if work[b, t, 0, u] < most else work[b, t, 0, u]
                    most = most if work[b, t, 1, u] < most else work[b, t, 1, u]
                shared[x] = most
                reduce_max(shared, x)
                most = shared[0]
                cuda.syncthreads()
                total = none
                for u in range(x, U + 1, THREADS):
                    work[b, t, 0, u] = exp(work[b, t, 0, u] - most)
                    work[b, t, 1, u] = exp(work[b, t, 1, u] - most)
                    total += work[b, t, 0, u] + work[b, t, 1, u]
                shared[x] = total
                reduce_sum(shared, x)
                share = scale / shared[0]
                for u in range(x, U + 1, THREADS):
                    work[b, t, 0, u] *= share
                    work[b, t, 1, u] *= share
                cuda.syncthreads()

    return recursions


@kernel
def _gradient(logits, lengths, labels, label_lengths, aligned, work):
    """A block for each frame: the posterior is taken from the softmax, token by token, in the order of the labels."""
    T, B, V = logits.shape
    for frame in range(cuda.blockIdx.x, T * B, cuda.gridDim.x):
        t, b = frame // B, frame % B
        if t < lengths[b] and aligned[b] != 0:
            U = label_lengths[b]
            for v in range(cuda.threadIdx.x, V, cuda.blockDim.x):
                slope = logits[t, b, v] * work[b, t, 2, U + 1]
                if v == 0:
                    for u in range(U + 1):
                        slope -= work[b, t, 0, u]
                else:
                    for u in range(U):
                        if labels[b, u] == v:
                            slope -= work[b, t, 1, u + 1]
                logits[t, b, v] = slope


def loss(
    logits: Array, targets: CTCTargets, nll: Array, aligned: Array, work: Array, scale: float, threads: int
) -> None:
    """Fill nll (B,) and aligned (B,), and turn logits (T, B, V) into the gradient of scale * sum(nll)."""
    (T, B, _), number, dtype = logits.shape, logits.dtype.type, logits.dtype.name
    lengths, labels, label_lengths = targets
    _align[elementwise_grid(B)](lengths, labels, label_lengths, nll, aligned, work, number(0), number(IMPOSSIBLE))
    _log_softmax(dtype)[row_grid(T * B)](logits, lengths, labels, label_lengths, aligned, work, number(scale))
    _walk(dtype)[row_grid(B)](lengths, label_lengths, nll, aligned, work, number(scale))
    _gradient[row_grid(T * B)](logits, lengths, labels, label_lengths, aligned, work)
