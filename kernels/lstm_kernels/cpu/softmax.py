"""Softmax and cross-entropy over the vocabulary, in nats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange
from numba.extending import register_jitable

from lstm_kernels.activations import exp, zero
from lstm_kernels.compile import SUMS, threaded

Array = np.ndarray[Any, Any]


# A maximum is only vectorised when NaN need not be heard of; the sum of exponentials, which follows, will hear of it.
@register_jitable(fastmath={"nnan", "nsz"})
def _largest(row):
    largest = row[0]
    for v in range(1, row.shape[0]):
        largest = row[v] if row[v] > largest else largest
    return largest


# Only the sums below may be split over a vector's lanes: the loss must not become (largest + log) - target.
@register_jitable(fastmath=set(SUMS))
def _sum_exp(row, largest):
    total = zero(largest)
    for v in range(row.shape[0]):
        total += exp(row[v] - largest)
    return total


@register_jitable(fastmath=set(SUMS))
def _sum_exp_in_place(row, largest):
    total = zero(largest)
    for v in range(row.shape[0]):
        row[v] = exp(row[v] - largest)
        total += row[v]
    return total


@threaded
def _cross_entropy(logits, targets, nll, scale, threads):
    N, V = logits.shape
    scale = logits.dtype.type(scale)
    for k in prange(threads):
        for n in range(k * N // threads, (k + 1) * N // threads):
            row, target = logits[n], targets[n]
            largest = _largest(row)
            below = largest - row[target]
            total = _sum_exp_in_place(row, largest)
            nll[n] = below + math.log(total)
            factor = scale / total
            for v in range(V):
                row[v] *= factor
            row[target] -= scale


@threaded
def _nll(logits, targets, nll, threads):
    N = logits.shape[0]
    for k in prange(threads):
        for n in range(k * N // threads, (k + 1) * N // threads):
            row = logits[n]
            largest = _largest(row)
            nll[n] = (largest - row[targets[n]]) + math.log(_sum_exp(row, largest))


def cross_entropy(logits: Array, targets: Array, nll: Array, scale: float, threads: int) -> None:
    """Fill nll, and turn logits into the gradient of scale * sum(nll).

    logits   (N, V)  in-out  become scale * (softmax - onehot)
    targets  (N,)    in      int32, each below V (not checked)
    nll      (N,)    out     negative log-likelihood of each target, in nats
    scale            in      1 / N for the mean
    """
    _cross_entropy(logits, targets, nll, float(scale), threads)


def nll(logits: Array, targets: Array, nll: Array, threads: int) -> None:
    """Fill nll as `cross_entropy` does, and leave the logits alone: for evaluation."""
    _nll(logits, targets, nll, threads)
