"""Attention of a decoder over the encoder's outputs: queries (T, B, A) to contexts (T, B, M), forward and backward.

    scores = queries keys' / sqrt(A);   weights = softmax over the positions of each source;   context = weights memory

All target steps are computed at once (Luong et al. 2015), with the scale of Vaswani et al. 2017. The caller projects
the memory to keys, once, and the decoder's states to queries.

A decoder that runs segment by segment calls `forward` and `backward` for each segment over the same keys and memory,
whose gradients then add up. The buffers fit the longest batch; shorter batches use a part of them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.backend import CPU, AttentionGradients, AttentionInputs, Device

Array = np.ndarray[Any, Any]


class AttentionSize(NamedTuple):
    """Maximum sizes of a batch."""

    T: int
    """Target steps."""
    S: int
    """Source positions."""
    B: int
    """Sequences."""
    A: int
    """Size of a query and of a key."""
    M: int
    """Size of a memory vector."""


class Attention:
    """Scaled dot-product attention with its buffers."""

    def __init__(
        self, size: AttentionSize, *, dtype: Any, precision: str, threads: int, backward: bool, device: Device = CPU
    ) -> None:
        """Allocate the buffers. Raises MemoryError if they do not fit the memory."""
        T, S, B, A, M = size
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
        lengths  (B,) int32  positions of each source, on the device; an empty source has a context of 0
        """
        self._inputs = AttentionInputs(queries, keys, memory, lengths, self.scale)
        (t, B, _), s = queries.shape, len(keys)
        self.weights = self._view(self._weights, t, B, s)
        """(t, B, s) of the last call: the attention of each target step over each source; 0 after the source's end."""
        context = self._view(self._context, t, B, self.M)
        self.device.attention.forward(self._inputs, self.weights, context, self.precision, self.threads)
        return context

    def alignment(self) -> Array:
        """Return a copy of `weights` on the host."""
        return np.array(self.device.arrays.to_host(self.weights))

    def backward(self, dcontext: Array, *, add: bool = False) -> tuple[Array, Array, Array]:
        """Return the gradients of queries (t, B, A), keys (s, B, A) and memory (s, B, M) of the last `forward`.

        dcontext  (t, B, M)
        add       whether the gradients of keys and memory add to the previous ones: from the second segment on

        The gradient of the memory does not include the path through the keys. All are valid until the next call.
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
