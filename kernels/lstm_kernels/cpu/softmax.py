"""Softmax and cross-entropy of given logits, in nats; `linear_cross_entropy` computes those of a large vocabulary."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lstm_kernels.activations import exp, zero
from lstm_kernels.interface import NO_SMOOTHING, Smoothing
from lstm_kernels.jit import FASTMATH, SUMS, threaded

Array = np.ndarray[Any, Any]


SIGN, REST = np.int32(31), np.int32(0x7FFFFFFF)
MIN_INT32 = np.int32(-0x80000000)


# The compiler does not vectorise a maximum of floats, but does for integers. The bits of a float32 compare as integers
# once all but the sign of negative numbers are inverted: 0.05 to 0.09 ns an element instead of 0.57.
# A NaN may or may not be the maximum; the sum of exponentials that follows is NaN in any case.
def _largest32(row):
    bits = row.view(np.int32)
    largest = MIN_INT32
    for v in range(bits.shape[0]):
        ordered = np.int32(bits[v] ^ ((bits[v] >> SIGN) & REST))
        largest = ordered if ordered > largest else largest
    return np.int32(largest ^ ((largest >> SIGN) & REST)).view(np.float32)


def _largest64(row):
    largest = row[0]
    for v in range(1, row.shape[0]):
        largest = row[v] if row[v] > largest else largest
    return largest


def largest_of(row: Array) -> Any:
    """Return the largest number of a row."""
    return row.max()


@overload(largest_of, jit_options={"fastmath": set(FASTMATH)})
def _compile_largest(row):
    return _largest32 if row.dtype == types.float32 else _largest64


# Only the sum may be reassociated over a vector's lanes: the loss must not become (largest + log) - target.
@register_jitable(fastmath=set(SUMS))
def sum_exp_in_place(row, largest):
    """Turn a row into the exponentials of row - largest, and return their sum."""
    total = zero(largest)
    for v in range(row.shape[0]):
        row[v] = exp(row[v] - largest)
        total += row[v]
    return total


@register_jitable(fastmath=set(SUMS))
def _mean_below(row, largest):
    """Return the mean of largest - row."""
    total = zero(largest)
    for v in range(row.shape[0]):
        total += largest - row[v]
    return total / row.dtype.type(row.shape[0])


@threaded
def _cross_entropy(k, threads, logits, targets, nll, uniform, scale, of_target, of_each):
    N, V = logits.shape
    scale, of_target, of_each = logits.dtype.type(scale), logits.dtype.type(of_target), logits.dtype.type(of_each)
    for n in range(k * N // threads, (k + 1) * N // threads):
        row, target = logits[n], targets[n]
        if target < 0:
            row[:] = 0
            nll[n] = 0
            uniform[n : n + 1] = 0
            continue
        largest = largest_of(row)
        below = largest - row[target]
        if uniform.shape[0] > 0:
            uniform[n] = _mean_below(row, largest)
        total = sum_exp_in_place(row, largest)
        nll[n] = below + math.log(total)
        if uniform.shape[0] > 0:
            uniform[n] += math.log(total)
        factor = scale / total
        if of_each > 0:
            for v in range(V):
                row[v] = row[v] * factor - of_each
        else:
            for v in range(V):
                row[v] *= factor
        row[target] -= of_target


def cross_entropy(
    logits: Array, targets: Array, nll: Array, scale: float, threads: int, smoothing: Smoothing = NO_SMOOTHING
) -> None:
    """Fill nll, and `smoothing.uniform` where it is wanted, and turn logits into the gradient of scale * sum(loss).

    logits   (N, V)  in-out  become scale * (softmax - smoothed onehot)
    targets  (N,)    in      int32, each below V (not checked); one below 0 is ignored: its loss and gradient are 0
    nll      (N,)    out     negative log-likelihood of each target, in nats
    scale            in      one over the targets that are not ignored, for their mean
    """
    uniform = nll[:0] if smoothing.uniform is None else smoothing.uniform
    of_target, of_each = scale * (1 - smoothing.rate), scale * smoothing.rate / logits.shape[1]
    _cross_entropy(logits, targets, nll, uniform, float(scale), float(of_target), float(of_each), threads)
