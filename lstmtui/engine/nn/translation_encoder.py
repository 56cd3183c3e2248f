"""The encoder of a translation model: source tokens to what a decoder reads of them.

tokens > embedding > [dropout] > bidirectional recurrent layers > memory (S, B, M) > keys, initial states
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.engine.nn.bidirectional import Bidirectional
from lstmtui.engine.nn.encoder_head import Encoded, EncoderHead
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout, mask_key

Array = np.ndarray[Any, Any]

LAYERS = "encoder"
"""The name of the parameters of its layers."""


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
        self._head = EncoderHead(weights, S, B, compute=compute, gradients=gradients)
        E, zeros, dtype = weights[table].shape[1], weights.device.arrays.zeros, np.int32
        self._tokens, self.lengths = zeros((S, B), dtype), zeros(B, dtype)
        self._embedded = zeros((S, B, E), weights.flat.dtype)
        self._mask, self._dropout = zeros((B, E), weights.flat.dtype), NO_DROPOUT

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
        for part in (self.recurrent, self._head):
            part.pack()

    def forward(self) -> Encoded:
        """Return what the decoder reads of the sources that were loaded, valid until the next call."""
        threads, rows = self.compute.threads, self.S * self.B
        self.device.embedding.forward(
            self.weights[self.table], self._tokens.reshape(-1), self._embedded.reshape(rows, -1), threads
        )
        self._drop(self._embedded)
        self.recurrent.prepare()
        return self._head.forward(self.recurrent.forward(self._embedded), self.lengths)

    def backward(self, gradients: Encoded) -> None:
        """Fill the gradients of the weights, and add those of the embeddings to the table's.

        gradients  of what `forward` returned; `initial` is overwritten
        """
        assert self.gradients is not None
        threads, rows = self.compute.threads, self.S * self.B
        dembedded = self.recurrent.backward(self._head.backward(gradients), self._embedded)
        self.recurrent.finish()
        self._drop(dembedded)
        self.device.embedding.backward(
            dembedded.reshape(rows, -1), self._tokens.reshape(-1), self.gradients[self.table], threads
        )

    def _drop(self, embedded: Array) -> None:
        """Mask embeddings (S, B, E), or their gradient."""
        if self._dropout.inputs > 0:
            self.device.dropout.apply(embedded, self._mask, embedded, self.compute.threads)
