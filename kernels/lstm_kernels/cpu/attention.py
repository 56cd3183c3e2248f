"""Masked dot-product attention of all target steps at once, forward and backward.

    a = softmax(mask(scale * q k'));   context = a m
    dm = a' dcontext;   da = dcontext m';   ds = a * (da - sum(a * da));   dq = scale * ds k;   dk = scale * ds' q

T target steps, S source positions, B sequences; q queries, k keys and m memory (the encoder's outputs). The mask leaves
the first lengths[b] positions of sequence b; a position behind them has weight 0 and enters no sum.

Source: Luong et al. 2015, arXiv:1508.04025 (dot), with the scale of Vaswani et al. 2017, arXiv:1706.03762.

A sequence is one turn of one thread: its keys and memory are packed, as far as they reach, for the products of all its
target steps. So the result depends neither on the number of threads, nor on S, nor on the other sequences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from lstm_kernels.activations import exp, one, zero
from lstm_kernels.cpu.gemm import multiply, multiply_transposed, nothing, rows_of
from lstm_kernels.cpu.packing import columns_between, pack_columns, pack_rows, per_word, workspace
from lstm_kernels.interface import AttentionGradients, AttentionInputs
from lstm_kernels.jit import SUMS, threaded

Array = np.ndarray[Any, Any]


@register_jitable(fastmath=set(SUMS))
def softmax_of_scores(row, scale):
    """Turn scores into the softmax of scale * scores, in place; the scale is positive."""
    largest = row[0]
    for s in range(1, row.shape[0]):
        largest = row[s] if row[s] > largest else largest
    total = zero(largest)
    for s in range(row.shape[0]):
        row[s] = exp((row[s] - largest) * scale)
        total += row[s]
    factor = one(total) / total
    for s in range(row.shape[0]):
        row[s] *= factor


@register_jitable(fastmath=set(SUMS))
def _softmax_backward(drow, row, scale):
    """Turn the gradient of weights into that of scores, in place."""
    total = zero(scale)
    for s in range(row.shape[0]):
        total += row[s] * drow[s]
    for s in range(row.shape[0]):
        drow[s] = row[s] * (drow[s] - total) * scale


@threaded
def _forward(k, threads, queries, keys, memory, lengths, scale, weights, context, key_words, memory_words, scratch):
    (T, B, _), M = weights.shape, memory.shape[2]
    scale = weights.dtype.type(scale)
    for b in range(k * B // threads, (k + 1) * B // threads):
        n = lengths[b]
        for t in range(T):
            weights[t, b, n:] = 0
        if n == 0:
            context[:, b] = 0
            continue
        a, across = weights[:, b, :n], columns_between(key_words[k], 0, n)
        pack_columns(keys[:n, b], across, 0, n)
        multiply(queries[:, b], across, 0, nothing(), a, scratch[k])
        for t in range(T):
            softmax_of_scores(weights[t, b, :n], scale)
        pack_rows(memory[:n, b], memory_words[k], M, 0, M)
        multiply(a, memory_words[k], 0, nothing(), context[:, b], scratch[k])


@threaded
def _backward(
    k, threads, dcontext, queries, keys, memory, lengths, scale, weights, add, dscores, dqueries, dkeys, dmemory,
    memory_words, key_words, query_words, context_words, scratch,
):  # fmt: skip
    (T, B, _), A, M = weights.shape, keys.shape[2], memory.shape[2]
    scale, no_sums = weights.dtype.type(scale), weights[0, 0, :0]
    for b in range(k * B // threads, (k + 1) * B // threads):
        n = lengths[b]
        if not add:
            dkeys[n:, b] = 0
            dmemory[n:, b] = 0
        if n == 0:
            dqueries[:, b] = 0
            continue
        a, ds, across = weights[:, b, :n], dscores[:, b, :n], columns_between(memory_words[k], 0, n)
        pack_columns(memory[:n, b], across, 0, n)
        multiply(dcontext[:, b], across, 0, nothing(), ds, scratch[k])
        for t in range(T):
            _softmax_backward(dscores[t, b, :n], weights[t, b, :n], scale)
        pack_rows(keys[:n, b], key_words[k], A, 0, A)
        multiply(ds, key_words[k], 0, nothing(), dqueries[:, b], scratch[k])
        dk, dm = dkeys[:n, b], dmemory[:n, b]
        pack_rows(queries[:, b], query_words[k], A, 0, A)
        multiply_transposed(ds, query_words[k], rows_of(dk) if add else nothing(), dk, no_sums, scratch[k])
        pack_rows(dcontext[:, b], context_words[k], M, 0, M)
        multiply_transposed(a, context_words[k], rows_of(dm) if add else nothing(), dm, no_sums, scratch[k])


def forward(inputs: AttentionInputs, weights: Array, context: Array, precision: str, threads: int) -> None:
    """Fill weights and context.

    weights  (T, B, S)  out  a row sums to 1; exactly 0 from the length on
    context  (T, B, M)  out
    """
    queries, keys, memory, lengths, scale = inputs
    (S, _, M), A = memory.shape, keys.shape[2]
    _forward(
        queries, keys, memory, lengths, float(scale), weights, context,
        _words(A, S, precision, threads, "keys"), _words(S, M, precision, threads, "memory"),
        workspace.scratch(threads, precision), threads,
    )  # fmt: skip


def backward(
    dcontext: Array, inputs: AttentionInputs, weights: Array, gradients: AttentionGradients, precision: str,
    threads: int, *, add: bool = False,
) -> None:  # fmt: skip
    """Fill the gradients, or add to those of keys and memory.

    dcontext         (T, B, M)  in
    inputs, weights             in  as `forward` had them, and left them
    """
    queries, keys, memory, lengths, scale = inputs
    (T, _, S), A, M = weights.shape, keys.shape[2], memory.shape[2]
    _backward(
        dcontext, queries, keys, memory, lengths, float(scale), weights, add, *gradients,
        _words(M, S, precision, threads, "memory"), _words(S, A, precision, threads, "keys"),
        _words(T, A, precision, threads, "queries"), _words(T, M, precision, threads, "contexts"),
        workspace.scratch(threads, precision), threads,
    )  # fmt: skip


def _words(K: int, N: int, precision: str, threads: int, name: str) -> Array:
    """Return words for a packed matrix (K, N) of each thread, (threads, K', N'), which the next call overwrites."""
    depth = -(-K // per_word(precision))
    words = workspace.words(threads * depth * per_word(precision), N, precision, f"attention {name}")
    return words.reshape(threads, depth, words.shape[1])
