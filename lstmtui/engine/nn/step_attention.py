"""Attention of a decoder that writes a token at a time, on the processor: hypotheses of a source share what they read.

It takes the place of `attention.Attention` in a decoder of one step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmtui.engine.backend import AttentionInputs, step_attention

Array = np.ndarray[Any, Any]


class StepAttention:
    """Buffers for up to N queries on sources of S positions."""

    def __init__(self, N: int, S: int, sizes: tuple[int, int], *, dtype: Any, threads: int) -> None:
        """`sizes` are those of a key and of a memory vector, A and M."""
        (A, M), self._threads = sizes, threads
        self._scale, self._sources = 1 / math.sqrt(A), np.zeros(N, np.int32)
        self._weights, self._context = np.zeros((N, S), dtype), np.zeros((N, M), dtype)

    def read_sources(self, sources: Array) -> None:
        """Let query n read source sources[n] from now on; queries behind them read the first."""
        self._sources[:] = 0
        self._sources[: len(sources)] = sources

    @property
    def weights(self) -> Array:
        """The attention (N, S) of each query of the last call, valid until the next one."""
        return self._weights

    def forward(self, queries: Array, keys: Array, memory: Array, lengths: Array) -> Array:
        """Return the contexts (1, n, M), valid until the next call.

        queries  (1, n, A)   n at most N
        keys     (B, S, A)
        memory   (B, S, M)
        lengths  (B,) int32  positions of each source
        """
        n = queries.shape[1]
        inputs, context = AttentionInputs(queries[0], keys, memory, lengths, self._scale), self._context[:n]
        step_attention.forward(inputs, self._sources[:n], self._weights[:n], context, self._threads)
        return context[None]
