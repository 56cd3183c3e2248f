"""The encoder of a translation model: source tokens to what a decoder reads of them.

tokens > embedding > [dropout] > bidirectional recurrent layers > memory (S, B, M)
memory > linear > keys (S, B, A)
memory > mean over the real steps of each source > linear > tanh > initial states of the decoder (B, W)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.nn.bidirectional import Bidirectional
from lstmtui.engine.nn.linear import Compute, Linear
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout, mask_key

Array = np.ndarray[Any, Any]

LAYERS, KEYS, BRIDGE = "encoder", "keys", "bridge"
"""Names of the parameters of each part."""


class Encoded(NamedTuple):
    """What a decoder reads of a batch of sources, or the gradients of it; on the device."""

    memory: Array
    """(S, B, M): the encoder's outputs, 0 behind the end of a source."""
    keys: Array
    """(S, B, A)"""
    initial: Array
    """(B, W): the decoder's initial states side by side."""


class TranslationEncoder:
    """Sources of up to S tokens, B of them, over shared weights."""

    def __init__(
        self, cell: str, table: str, weights: Arena, S: int, B: int, *, compute: Compute, gradients: Arena | None = None
    ) -> None:
        """`table` is the name of the embedding; `gradients` is where those of the weights go, None to read only.

        Raises MemoryError where the buffers do not fit.
        """
        self.weights, self.gradients, self.table, self.compute = weights, gradients, table, compute
        self.S, self.B, self.device = S, B, weights.device
        self.recurrent = Bidirectional(
            cell, weights, S, B, precision=compute.precision, threads=compute.threads, gradients=gradients,
            prefix=LAYERS,
        )  # fmt: skip
        self._keys = Linear(weights, gradients, KEYS, S * B, compute)
        self._bridge = Linear(weights, gradients, BRIDGE, B, compute)
        E, M, zeros, dtype = weights[table].shape[1], 2 * self.recurrent.hidden, weights.device.arrays.zeros, np.int32
        self._tokens, self.lengths = zeros((S, B), dtype), zeros(B, dtype)
        self._embedded = zeros((S, B, E), weights.flat.dtype)
        self._mask, self._dropout = zeros((B, E), weights.flat.dtype), NO_DROPOUT
        self._mean = zeros((B, M), weights.flat.dtype)
        if gradients is not None:
            self._dmemory, self._dmean = (zeros(shape, weights.flat.dtype) for shape in ((S, B, M), (B, M)))

    def load(self, tokens: Array, lengths: Array) -> None:
        """Take tokens (S, B) and lengths (B,) of the host."""
        self.device.arrays.copy_to_device(tokens, self._tokens)
        self.device.arrays.copy_to_device(lengths, self.lengths)
        self.recurrent.set_lengths(lengths)

    def draw(self, dropout: Dropout) -> None:
        """Draw what dropout leaves of a batch: `inputs` is the rate of the embeddings, and key that of their mask."""
        self._dropout = dropout
        if dropout.inputs > 0:
            self.device.dropout.locked_mask(self._mask, dropout.inputs, mask_key(dropout.key, 0))
        self.recurrent.draw(Dropout(layers=dropout.layers, weights=dropout.weights, key=dropout.key))

    def pack(self) -> None:
        """Take the weights as they are now."""
        for part in (self.recurrent, self._keys, self._bridge):
            part.pack()

    def forward(self) -> Encoded:
        """Return what the decoder reads of the sources that were loaded, valid until the next call."""
        threads, rows = self.compute.threads, self.S * self.B
        self.device.embedding.forward(
            self.weights[self.table], self._tokens.reshape(-1), self._embedded.reshape(rows, -1), threads
        )
        self._drop(self._embedded)
        self.recurrent.prepare()
        self._memory = self.recurrent.forward(self._embedded)
        keys = self._keys.forward(self._memory.reshape(rows, -1))
        self.device.elementwise.mean_of_steps(self._memory, self.lengths, self._mean, threads)
        initial = self._bridge.forward(self._mean)
        self.device.elementwise.tanh(initial.reshape(-1), initial.reshape(-1), threads)
        return Encoded(self._memory, keys.reshape(self.S, self.B, -1), initial)

    def backward(self, gradients: Encoded) -> None:
        """Fill the gradients of the weights, and add those of the embeddings to the table's.

        gradients  of what `forward` returned; `initial` is overwritten
        """
        assert self.gradients is not None
        threads, rows, initial = self.compute.threads, self.S * self.B, self._bridge.out
        arrays, elementwise, dmemory = self.device.arrays, self.device.elementwise, self._dmemory.reshape(rows, -1)
        dinitial = gradients.initial.reshape(-1)
        elementwise.tanh_backward(dinitial, initial.reshape(-1), dinitial, threads)
        self._bridge.backward(gradients.initial, self._mean, self._dmean)
        arrays.copy(gradients.memory, self._dmemory)
        self._keys.backward(gradients.keys.reshape(rows, -1), self._memory.reshape(rows, -1), dmemory, add=True)
        elementwise.mean_of_steps_backward(self._dmean, self.lengths, self._dmemory, threads)
        dembedded = self.recurrent.backward(self._dmemory, self._embedded)
        self.recurrent.finish()
        self._drop(dembedded)
        self.device.embedding.backward(
            dembedded.reshape(rows, -1), self._tokens.reshape(-1), self.gradients[self.table], threads
        )

    def _drop(self, embedded: Array) -> None:
        """Mask embeddings (S, B, E), or their gradient."""
        if self._dropout.inputs > 0:
            self.device.dropout.apply(embedded, self._mask, embedded, self.compute.threads)
