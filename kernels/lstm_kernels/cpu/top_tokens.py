"""The most probable tokens of a softmax, without writing the softmax: what a beam search needs of its logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from lstm_kernels.activations import exp, zero
from lstm_kernels.cpu.packing import workspace
from lstm_kernels.cpu.softmax import largest_of
from lstm_kernels.jit import SUMS, threaded

Array = np.ndarray[Any, Any]

BLOCK = 64
"""Logits of a block: one whose largest logit is too small is skipped as a whole."""


@register_jitable(fastmath=set(SUMS))
def _sum_exp(row, largest):
    """Return the sum of exp(row - largest)."""
    total = zero(largest)
    for v in range(row.shape[0]):
        total += exp(row[v] - largest)
    return total


@register_jitable
def _insert(value, token, found, values, tokens):
    """Insert a token into the `found` best so far, behind those as large, and return how many there are then."""
    at = min(found, values.shape[0] - 1)
    while at > 0 and values[at - 1] < value:
        values[at], tokens[at] = values[at - 1], tokens[at - 1]
        at -= 1
    values[at], tokens[at] = value, token
    return min(found + 1, values.shape[0])


@threaded
def _top_tokens(k, threads, logits, normaliser, tokens, log_p, maxima):
    N, V = logits.shape
    count, blocks, most = tokens.shape[1], maxima.shape[1], maxima[k]
    for n in range(k * N // threads, (k + 1) * N // threads):
        row, values = logits[n], log_p[n]
        for block in range(blocks):
            most[block] = largest_of(row[block * BLOCK : min(V, (block + 1) * BLOCK)])
        largest, total = largest_of(most), 0.0
        for block in range(blocks):
            total += np.float64(_sum_exp(row[block * BLOCK : min(V, (block + 1) * BLOCK)], largest))
        normaliser[n] = largest + math.log(total)
        values[:] = -math.inf
        tokens[n] = 0
        found = 0
        for block in range(blocks):
            if found == count and not most[block] > values[count - 1]:
                continue
            for v in range(block * BLOCK, min(V, (block + 1) * BLOCK)):
                if row[v] > values[count - 1]:
                    found = _insert(row[v], v, found, values, tokens[n])
        for at in range(count):
            values[at] -= normaliser[n]


def top_tokens(logits: Array, normaliser: Array, tokens: Array, log_p: Array, threads: int) -> None:
    """Find the most probable tokens of each row, the first of equal ones first.

    logits      (N, V)  in
    normaliser  (N,)    out  log(sum(exp(logits))): what is taken from a logit for its log probability
    tokens      (N, K)  out  int32, the most probable first; K at most V
    log_p       (N, K)  out  their log probabilities; minus infinity for each token that is missing, as where logits
                             are not numbers
    """
    maxima = workspace.numbers((threads, -(-logits.shape[1] // BLOCK)), logits.dtype)
    _top_tokens(logits, normaliser, tokens, log_p, maxima, threads)
