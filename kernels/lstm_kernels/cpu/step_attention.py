"""Attention of a decoder that writes a token at a time: one query for each hypothesis, several of them on each source.

As `attention`, with nothing packed: a single query would not pay for it. Keys and memory of a source lie together and
are read by all of its hypotheses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from lstm_kernels.activations import zero
from lstm_kernels.cpu.attention import softmax_of_scores
from lstm_kernels.interface import AttentionInputs
from lstm_kernels.jit import SUMS, threaded

Array = np.ndarray[Any, Any]


@register_jitable(fastmath=set(SUMS))
def _dot(a, b):
    total = zero(a[0])
    for j in range(a.shape[0]):
        total += a[j] * b[j]
    return total


@threaded
def _forward(k, threads, queries, keys, memory, lengths, sources, scale, weights, context):
    N, scale = queries.shape[0], weights.dtype.type(scale)
    for n in range(k * N // threads, (k + 1) * N // threads):
        b = sources[n]
        length, scores, out = lengths[b], weights[n], context[n]
        scores[length:] = 0
        out[:] = 0
        if length == 0:
            continue
        for s in range(length):
            scores[s] = _dot(queries[n], keys[b, s])
        softmax_of_scores(scores[:length], scale)
        for s in range(length):
            share, of_source = scores[s], memory[b, s]
            for j in range(out.shape[0]):
                out[j] += share * of_source[j]


def forward(inputs: AttentionInputs, sources: Array, weights: Array, context: Array, threads: int) -> None:
    """Fill weights and context.

    inputs   queries (N, A), keys (B, S, A), memory (B, S, M) and lengths (B,) int32; a source without any positions has
             a context of 0
    sources  (N,)    in   int32: what each query reads
    weights  (N, S)  out  a row sums to 1; exactly 0 from the length on
    context  (N, M)  out
    """
    queries, keys, memory, lengths, scale = inputs
    _forward(queries, keys, memory, lengths, sources, float(scale), weights, context, threads)
