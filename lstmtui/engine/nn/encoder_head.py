"""What an encoder gives to a decoder with attention, from its outputs (the memory).

memory (S, B, M) > linear > keys (S, B, A)
memory > mean over the real steps of each source > linear > tanh > initial states of the decoder (B, W)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.nn.linear import Compute, Linear
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]

KEYS, BRIDGE = "keys", "bridge"
"""Names of the parameters of each part."""


class Encoded(NamedTuple):
    """What a decoder reads of a batch of sources, or the gradients of it; on the device."""

    memory: Array
    """(S, B, M): the encoder's outputs, 0 behind the end of a source."""
    keys: Array
    """(S, B, A)"""
    initial: Array
    """(B, W): the decoder's initial states side by side."""


class EncoderHead:
    """Keys and initial states of B sources of up to S positions, over shared weights."""

    def __init__(self, weights: Arena, S: int, B: int, *, compute: Compute, gradients: Arena | None = None) -> None:
        """`gradients` is where those of the weights go, None to read only. Raises MemoryError where the buffers do not
        fit."""
        self.S, self.B, self.compute, self.device = S, B, compute, weights.device
        self._keys = Linear(weights, gradients, KEYS, S * B, compute)
        self._bridge = Linear(weights, gradients, BRIDGE, B, compute)
        M, zeros, dtype = weights[f"{KEYS}.W"].shape[1], weights.device.arrays.zeros, weights.flat.dtype
        self._mean = zeros((B, M), dtype)
        if gradients is not None:
            self._dmemory, self._dmean = (zeros(shape, dtype) for shape in ((S, B, M), (B, M)))

    def pack(self) -> None:
        """Take the weights as they are now."""
        for part in (self._keys, self._bridge):
            part.pack()

    def forward(self, memory: Array, lengths: Array) -> Encoded:
        """Return what the decoder reads, valid until the next call.

        memory   (S, B, M)    0 behind the end of a source
        lengths  (B,) int32   positions of each source, on the device
        """
        threads, self._memory, self._lengths = self.compute.threads, memory, lengths
        keys = self._keys.forward(memory.reshape(self.S * self.B, -1))
        self.device.elementwise.mean_of_steps(memory, lengths, self._mean, threads)
        initial = self._bridge.forward(self._mean)
        self.device.elementwise.tanh(initial.reshape(-1), initial.reshape(-1), threads)
        return Encoded(memory, keys.reshape(self.S, self.B, -1), initial)

    def backward(self, gradients: Encoded) -> Array:
        """Fill the gradients of the weights, and return that of the memory, valid until the next call.

        gradients  of what `forward` returned; `initial` is overwritten
        """
        threads, rows, initial = self.compute.threads, self.S * self.B, self._bridge.out
        arrays, elementwise, dmemory = self.device.arrays, self.device.elementwise, self._dmemory.reshape(rows, -1)
        dinitial = gradients.initial.reshape(-1)
        elementwise.tanh_backward(dinitial, initial.reshape(-1), dinitial, threads)
        self._bridge.backward(gradients.initial, self._mean, self._dmean)
        arrays.copy(gradients.memory, self._dmemory)
        self._keys.backward(gradients.keys.reshape(rows, -1), self._memory.reshape(rows, -1), dmemory, add=True)
        elementwise.mean_of_steps_backward(self._dmean, self._lengths, self._dmemory, threads)
        return self._dmemory
