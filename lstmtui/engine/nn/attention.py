"""Attention of a decoder over the encoder's outputs: queries (T, B, A) to contexts (T, B, M), forward and backward.

    scores = queries keys' / sqrt(A);   weights = softmax over the positions of each source;   context = weights memory

All target steps at once (Luong et al. 2015), with the scale of Vaswani et al. 2017. What makes queries and keys stands
outside: keys are made once from the memory, queries from a decoder's states.

A decoder that is walked segment by segment calls `forward` and `backward` for each segment, over the same keys and
memory, whose gradients then add up. Buffers are for the longest: shorter batches use a part of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmtui.engine.backend import CPU, AttentionGradients, AttentionInputs, Device

Array = np.ndarray[Any, Any]


class Attention:
    """Buffers of attention of up to T target steps over up to S source positions, of B sequences."""

    def __init__(
        self, T: int, S: int, B: int, A: int, M: int, *, dtype: Any, precision: str, threads: int, backward: bool,
        device: Device = CPU,
    ) -> None:  # fmt: skip
        """A are the numbers of a query and of a key, M those of a memory vector. Raises MemoryError where the buffers
        do not fit."""
        self.B, self.A, self.M = B, A, M
        self.precision, self.threads, self.device, self.scale = precision, threads, device, 1 / math.sqrt(A)
        zeros = device.arrays.zeros
        self._weights, self._context = zeros(T * B * S, dtype), zeros(T * B * M, dtype)
        if backward:
            self._dscores, self._dqueries = zeros(T * B * S, dtype), zeros(T * B * A, dtype)
            self._dkeys, self._dmemory = zeros(S * B * A, dtype), zeros(S * B * M, dtype)

    def forward(self, queries: Array, keys: Array, memory: Array, lengths: Array) -> Array:
        """Return the contexts (t, B, M), valid until the next call.

        queries  (t, B, A)   t at most T
        keys     (s, B, A)   s at most S
        memory   (s, B, M)   the encoder's outputs
        lengths  (B,) int32  positions of each source, on the device; a source without any has a context of 0
        """
        self._inputs = AttentionInputs(queries, keys, memory, lengths, self.scale)
        (t, B, _), s = queries.shape, len(keys)
        self.weights = self._view(self._weights, t, B, s)
        """(t, B, s), of the last call: what each target step reads of each source; 0 behind the end of a source."""
        context = self._view(self._context, t, B, self.M)
        self.device.attention.forward(self._inputs, self.weights, context, self.precision, self.threads)
        return context

    def alignment(self) -> Array:
        """Return a copy of `weights` on the host."""
        return np.array(self.device.arrays.to_host(self.weights))

    def backward(self, dcontext: Array, *, add: bool = False) -> tuple[Array, Array, Array]:
        """Return the gradients of queries (t, B, A), keys (s, B, A) and memory (s, B, M) of the last `forward`.

        dcontext  (t, B, M)
        add       whether those of keys and memory are added to what they were: from the second segment on

        What reaches the memory through the keys is not in them. All are valid until the next call.
        """
        (t, B, A), s = self._inputs.queries.shape, len(self._inputs.keys)
        gradients = AttentionGradients(
            self._view(self._dscores, t, B, s), self._view(self._dqueries, t, B, A),
            self._view(self._dkeys, s, B, A), self._view(self._dmemory, s, B, self.M),
        )  # fmt: skip
        self.device.attention.backward(
            dcontext, self._inputs, self.weights, gradients, self.precision, self.threads, add=add
        )
        return gradients.queries, gradients.keys, gradients.memory

    def _view(self, flat: Array, *shape: int) -> Array:
        return self.device.arrays.view(flat, 0, shape)
