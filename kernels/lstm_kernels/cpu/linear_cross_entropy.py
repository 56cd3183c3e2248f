"""Linear layer, softmax and cross-entropy in one, block by block of the vocabulary, in nats.

Logits lie transposed, (V, N) for N positions, so that the weights are read in place and all positions of a token are a
vector. `forward` turns a block of logits into exponentials while it is in the cache, relative to the largest logit of
the block at each position. The largest logit of all blocks then gives a factor for each block and position. `backward`
turns a group of blocks into probabilities and computes both gradients from them before the next group. So logits are
written once and read once, and never become a packed matrix.

Blocks are the same for any number of threads, and so is every bit of the result.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from lstm_kernels.activations import exp, zero
from lstm_kernels.cpu.arrays import zeros
from lstm_kernels.cpu.gemm import multiply, multiply_transposed, nothing, rows_of
from lstm_kernels.cpu.packing import Packed, pack_rows, panels_of, per_word, workspace
from lstm_kernels.interface import NO_SMOOTHING, Smoothing
from lstm_kernels.jit import SUMS, threaded
from lstm_kernels.thread_pool import BARRIER_WORDS, MAX_THREADS, barrier

Array = np.ndarray[Any, Any]

BLOCK = 128
"""Tokens in a block: their logits at some hundred positions stay in the second-level cache."""
GROUP = 4
"""Blocks in a group, from which gradients are computed together: their sums pass through the cache once a group."""
MIN_BLOCKS = 4
"""Blocks at least, where there are as many tokens, so that threads have work."""


def numbers(N: int, D: int, V: int) -> int:
    """Return how many numbers the buffers hold for N positions of D numbers and a vocabulary of V."""
    group = min(V, GROUP * BLOCK)
    return N * (V + 2 * D + 2 * _blocks(V) + 2 * group) + 2 * group * D


def _blocks(V: int) -> int:
    return max(-(-V // BLOCK), min(V, MIN_BLOCKS))


@register_jitable(fastmath=set(SUMS))
def _scale(row, factor, out):
    """Fill out with row * factor, and return its sum."""
    total = zero(row[0])
    for n in range(row.shape[0]):
        out[n] = row[n] * factor[n]
        total += out[n]
    return total


@register_jitable(fastmath=set(SUMS))
def _scale_and_shift(row, factor, shift, out):
    """Fill out with row * factor - shift, and return its sum."""
    total = zero(row[0])
    for n in range(row.shape[0]):
        out[n] = row[n] * factor[n] - shift[n]
        total += out[n]
    return total


@threaded
def _exponentials(k, threads, W, x, b, targets, logits, of_targets, largest, sums, below, scratch):
    V, N = logits.shape
    blocks = largest.shape[0]
    for block in range(k * blocks // threads, (k + 1) * blocks // threads):
        low, high = block * V // blocks, (block + 1) * V // blocks
        here, most, total = logits[low:high], largest[block], sums[block]
        multiply(W[low:high], x, 0, nothing(), here, scratch[k])
        for v in range(here.shape[0]):
            row, bias = here[v], b[low + v]
            for n in range(N):
                logit = row[n] + bias
                most[n] = logit if v == 0 or logit > most[n] else most[n]
        for n in range(N):
            if low <= targets[n] < high:
                of_targets[n] = logits[targets[n], n] + b[targets[n]]
            total[n] = 0
        if below.shape[0] > 0:
            below_most = below[block]
            below_most[:] = 0
            for v in range(here.shape[0]):
                row, bias = here[v], b[low + v]
                for n in range(N):
                    below_most[n] += most[n] - (row[n] + bias)
        for v in range(here.shape[0]):
            row, bias = here[v], b[low + v]
            for n in range(N):
                row[n] = exp((row[n] + bias) - most[n])
                total[n] += row[n]


@register_jitable
def _mean_below(below, largest, most, V, left, uniform):
    """Fill uniform, from `left` on, with the mean over V logits of what they are below the largest of all blocks."""
    blocks = largest.shape[0]
    of_all = uniform[left : left + most.shape[0]]
    of_all[:] = 0
    for block in range(blocks):
        count = most.dtype.type((block + 1) * V // blocks - block * V // blocks)
        for n in range(most.shape[0]):
            of_all[n] += below[block, left + n] + count * (most[n] - largest[block, left + n])
    for n in range(most.shape[0]):
        of_all[n] /= most.dtype.type(V)


@threaded
def _combine_blocks(k, threads, targets, of_targets, largest, sums, below, nll, uniform, V, scale, of_each):
    blocks, N = largest.shape
    scale, of_each = nll.dtype.type(scale), nll.dtype.type(of_each)
    left, right = k * N // threads, (k + 1) * N // threads
    # In `nll` stands the largest logit of all blocks, and in the first row of `sums` in the end the sum of all.
    most, total, of_target = nll[left:right], sums[0, left:right], of_targets[left:right]
    most[:] = largest[0, left:right]
    for block in range(1, blocks):
        of_block = largest[block, left:right]
        for n in range(most.shape[0]):
            most[n] = of_block[n] if of_block[n] > most[n] else most[n]
    if uniform.shape[0] > 0:
        _mean_below(below, largest, most, V, left, uniform)
    for block in range(blocks):
        of_block, part = largest[block, left:right], sums[block, left:right]
        for n in range(most.shape[0]):
            of_block[n] = exp(of_block[n] - most[n])
            total[n] = of_block[n] * part[n] + (total[n] if block > 0 else zero(scale))
    for n in range(most.shape[0]):
        nll[left + n] = (most[n] - of_target[n]) + math.log(total[n])
    for block in range(blocks):
        of_block = largest[block, left:right]
        for n in range(most.shape[0]):
            of_block[n] *= scale / total[n]
    for n in range(left, min(right, uniform.shape[0])):
        uniform[n] += math.log(sums[0, n])
    # Where the sums have been, backward finds what it takes from each probability.
    for n in range(left, right):
        sums[0, n] = of_each
        if targets[n] < 0:
            nll[n] = sums[0, n] = 0
            largest[:, n] = 0
            uniform[n : n + 1] = 0


@threaded
def _gradients(
    k, threads, W, x, targets, logits, factors, shares, of_target, add, dx, dW, db, probabilities, words, per_word,
    scratch, arrivals,
):  # fmt: skip
    (V, N), blocks, D = logits.shape, factors.shape[0], W.shape[1]
    of_target = logits.dtype.type(of_target)
    groups, rounds, no_sums = (blocks + GROUP - 1) // GROUP, 1, db[:0]
    left, right = k * N // threads, (k + 1) * N // threads
    dx_k = dx[left:right]
    for group in range(groups):
        first, last = group * blocks // groups, (group + 1) * blocks // groups
        low, high = first * V // blocks, last * V // blocks
        top, end = low + k * (high - low) // threads, low + (k + 1) * (high - low) // threads
        # There are two of p and of_group: who is ahead prepares the next while others read these.
        p = probabilities[group % 2]
        for block in range(first, last):
            factor = factors[block]
            first_row, end_row = max(top, block * V // blocks), min(end, (block + 1) * V // blocks)
            if shares.shape[0] > 0:
                for v in range(first_row, end_row):
                    total = _scale_and_shift(logits[v], factor, shares, p[v - low])
                    db[v] = total + (db[v] if add else zero(of_target))
            else:
                for v in range(first_row, end_row):
                    db[v] = _scale(logits[v], factor, p[v - low]) + (db[v] if add else zero(of_target))
        for n in range(N):
            if top <= targets[n] < end:
                p[targets[n] - low, n] -= of_target
                db[targets[n]] -= of_target
        of_group = words[group % 2][: (high - low + per_word - 1) // per_word]
        first_column, last_column = panels_of(of_group, D, k, threads)
        pack_rows(W[low:high], of_group, D, first_column, last_column)
        if arrivals.shape[0] > 0:
            rounds = barrier(arrivals, threads, rounds)
        plus = rows_of(dx_k) if group > 0 else nothing()
        multiply_transposed(p[: high - low, left:right], of_group, plus, dx_k, no_sums, scratch[k])
        dW_k = dW[top:end]
        multiply(p[top - low : end - low], x, 0, rows_of(dW_k) if add else nothing(), dW_k, scratch[k])


class LinearCrossEntropy:
    """Buffers for up to N positions of D numbers and a vocabulary of V."""

    def __init__(self, N: int, D: int, V: int, dtype: Any, precision: str) -> None:
        """Raises MemoryError where there is no room, and ValueError as `Packed`."""
        self._precision, self._V = precision, V
        self._of_target, self._of_each = 1.0, 0.0
        self._logits, self._of_targets = zeros(N * V, dtype), zeros(N, dtype)
        self._largest, self._sums = zeros(N * _blocks(V), dtype), zeros(N * _blocks(V), dtype)

    def forward(
        self, x: Array, W: Array, b: Array, targets: Array, nll: Array, scale: float, threads: int,
        smoothing: Smoothing = NO_SMOOTHING,
    ) -> None:  # fmt: skip
        """Fill nll, and `smoothing.uniform` where it is wanted, and prepare `backward`, which returns the gradients of
        scale * sum(loss).

        x        (N, D)  in
        W        (V, D)  in
        b        (V,)    in
        targets  (N,)    in   int32, each below V (not checked); one below 0 is ignored: its loss and gradient are 0
        nll      (N,)    out  negative log-likelihood of each target, in nats
        scale            in   one over the targets that are not ignored, for their mean
        """
        (N, D), precision = x.shape, self._precision
        scale, rate = float(scale), float(smoothing.rate)
        self._of_target, self._of_each = scale * (1 - rate), scale * rate / self._V
        across = Packed(D, N, precision, workspace.words(D, N, precision, "across"))
        across.pack_transposed(x, threads)
        logits, largest, sums = self._of(N)
        uniform, below = nll[:0], largest[:0]
        if smoothing.uniform is not None:
            uniform, below = smoothing.uniform, workspace.numbers(largest.shape, x.dtype)
        _exponentials(
            W, across.words, b, targets, logits, self._of_targets, largest, sums, below,
            workspace.scratch(threads, precision), threads,
        )  # fmt: skip
        _combine_blocks(
            targets, self._of_targets, largest, sums, below, nll, uniform, self._V, scale, self._of_each, threads
        )

    def backward(
        self, x: Array, W: Array, targets: Array, dx: Array, dW: Array, db: Array, threads: int, *, add: bool = False
    ) -> None:
        """Fill dx, and fill dW and db or add to them, after `forward` with the same.

        x, W, targets  in   as `forward` had them
        dx     (N, D)  out
        dW     (V, D)  out, or in-out
        db     (V,)    out, or in-out
        """
        (N, D), precision = x.shape, self._precision
        logits, factors, sums = self._of(N)
        shares = sums[0] if self._of_each > 0 else sums[0, :0]
        down = Packed(N, D, precision, workspace.words(N, D, precision, "down"))
        down.pack(x, threads)
        words = [workspace.words(GROUP * BLOCK, D, precision, name) for name in ("even group", "odd group")]
        probabilities = workspace.numbers((2, GROUP * BLOCK, N), x.dtype)
        # Threads wait for each other, so all must run at once; otherwise one does it all, with the same bits.
        workers = threads if threads <= MAX_THREADS else 1
        arrivals = np.zeros(BARRIER_WORDS if workers > 1 else 0, np.int64)
        _gradients(
            W, down.words, targets, logits, factors, shares, self._of_target, add, dx, dW, db, probabilities,
            tuple(words), per_word(precision), workspace.scratch(workers, precision), arrivals, workers,
        )  # fmt: skip

    def _of(self, N: int) -> tuple[Array, Array, Array]:
        """Return logits (V, N), and of blocks the largest and the sums (blocks, N)."""
        logits, sizes = self._logits[: self._V * N], (_blocks(self._V), N)
        largest, sums = (buffer[: sizes[0] * N].reshape(sizes) for buffer in (self._largest, self._sums))
        return logits.reshape(self._V, N), largest, sums
