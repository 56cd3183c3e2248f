"""Twin of `cpu.attention`: three kinds of products, one for each sequence, and a thread for each row of weights.

A block of a product has a tile of one sequence's result, a thread one number of it; the factors pass by in shared
memory. Attention is about 1 % of a model's multiply-adds, too few for 2 B calls of a library to pay.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lstm_kernels.activations import exp
from lstm_kernels.cuda.gemm import TILE
from lstm_kernels.cuda.launch import SIMULATED, Array, cuda, elementwise_grid, kernel, types_of
from lstm_kernels.interface import AttentionGradients, AttentionInputs

SEQUENCES = 2 if SIMULATED else 65535
"""Sequences that a grid has blocks for, at most; each then takes more than one."""


@cache
def _multiply(dtype: str, kind: str) -> Any:
    """Return the kernel of one kind of product C (M, B, N), for each of B sequences by itself.

    scores   C = A B'    for A (M, B, K) and B (N, B, K): columns from the length on are left as they are
    values   C = A B     for A (M, B, K) and B (K, B, N): sums end at the length
    sources  C (+)= A' B for A (K, B, M) and B (K, B, N): rows from the length on are 0, or left as they are
    """
    size, number, element = (TILE, TILE), *types_of(dtype)
    of_scores, of_sources = kind == "scores", kind == "sources"

    @kernel
    def multiply(A, B, lengths, C, add):
        of_A = cuda.shared.array(size, element)
        of_B = cuda.shared.array(size, element)
        rows, sequences, columns = C.shape
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        n, m = cuda.blockIdx.x * TILE + x, cuda.blockIdx.y * TILE + y
        for b in range(cuda.blockIdx.z, sequences, cuda.gridDim.z):
            length = lengths[b]
            if of_scores:
                M, N, K = rows, length, A.shape[2]
            elif of_sources:
                M, N, K = length, columns, A.shape[0]
            else:
                M, N, K = rows, columns, length
            total = number(0)
            for k in range(0, K, TILE):
                inside = (m < M) & (k + x < K)
                if of_sources:
                    of_A[y, x] = A[k + x, b, m] if inside else number(0)
                else:
                    of_A[y, x] = A[m, b, k + x] if inside else number(0)
                inside = (k + y < K) & (n < N)
                if of_scores:
                    of_B[y, x] = B[n, b, k + y] if inside else number(0)
                else:
                    of_B[y, x] = B[k + y, b, n] if inside else number(0)
                cuda.syncthreads()
                for i in range(TILE):
                    total += of_A[y, i] * of_B[i, x]
                cuda.syncthreads()
            if (m < M) & (n < N):
                C[m, b, n] = C[m, b, n] + total if add else total
            elif of_sources and not add and m < rows and n < columns:
                C[m, b, n] = number(0)

    return multiply


def _product(kind: str, A: Array, B: Array, lengths: Array, C: Array, *, add: bool = False) -> None:
    rows, sequences, columns = C.shape
    grid = -(-columns // TILE), -(-rows // TILE), min(sequences, SEQUENCES)
    _multiply(C.dtype.name, kind)[grid, (TILE, TILE)](A, B, lengths, C, add)


@kernel
def _softmax(weights, lengths, scale, none):
    T, B, S = weights.shape
    for row in range(cuda.grid(1), T * B, cuda.gridsize(1)):
        t, b = row // B, row % B
        length = lengths[b]
        largest = weights[t, b, 0]
        for s in range(1, length):
            largest = weights[t, b, s] if weights[t, b, s] > largest else largest
        total = none
        for s in range(length):
            e = exp((weights[t, b, s] - largest) * scale)
            weights[t, b, s] = e
            total += e
        for s in range(S):
            weights[t, b, s] = weights[t, b, s] / total if s < length else none


@kernel
def _softmax_backward(dweights, weights, lengths, scale, none):
    T, B, _ = weights.shape
    for row in range(cuda.grid(1), T * B, cuda.gridsize(1)):
        t, b = row // B, row % B
        total = none
        for s in range(lengths[b]):
            total += weights[t, b, s] * dweights[t, b, s]
        for s in range(lengths[b]):
            dweights[t, b, s] = weights[t, b, s] * (dweights[t, b, s] - total) * scale


def forward(inputs: AttentionInputs, weights: Array, context: Array, precision: str, threads: int) -> None:
    """Fill weights (T, B, S) and context (T, B, M)."""
    queries, keys, memory, lengths, scale = inputs
    (T, B, _), number = weights.shape, weights.dtype.type
    _product("scores", queries, keys, lengths, weights)
    _softmax[elementwise_grid(T * B)](weights, lengths, number(scale), number(0))
    _product("values", weights, memory, lengths, context)


def backward(
    dcontext: Array, inputs: AttentionInputs, weights: Array, gradients: AttentionGradients, precision: str,
    threads: int, *, add: bool = False,
) -> None:  # fmt: skip
    """Fill the gradients, or add to those of keys and memory, given dcontext (T, B, M)."""
    queries, keys, memory, lengths, scale = inputs
    (T, B, _), number = weights.shape, weights.dtype.type
    _product("scores", dcontext, memory, lengths, gradients.scores)
    _softmax_backward[elementwise_grid(T * B)](gradients.scores, weights, lengths, number(scale), number(0))
    _product("values", gradients.scores, keys, lengths, gradients.queries)
    _product("sources", gradients.scores, queries, lengths, gradients.keys, add=add)
    _product("sources", weights, dcontext, lengths, gradients.memory, add=add)
