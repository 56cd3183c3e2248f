"""A translation model that writes a token at a time: several hypotheses for each of several sources.

Sources are encoded once; each step reads one token of every hypothesis, states carried. It computes on the processor,
with the parts that train.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_decoder import TranslationDecoder
from lstmtui.engine.nn.translation_encoder import Encoded, TranslationEncoder
from lstmtui.engine.nn.translation_model import TABLE, TranslationSizes

Array = np.ndarray[Any, Any]


class IncrementalTranslation:
    """Up to `sentences` sources of up to S tokens, and `width` hypotheses of each, over shared weights."""

    def __init__(
        self, sizes: TranslationSizes, weights: Arena, shape: tuple[int, int, int], *, compute: Compute
    ) -> None:
        """`shape` is (S, sentences, width). The weights are those of the processor, as they are now.

        Raises MemoryError where the buffers do not fit.
        """
        S, self.sentences, self.width = shape
        self._weights, self._compute, rows = weights, compute, self.sentences * self.width
        self._encoder = TranslationEncoder(sizes.cell, sizes.source_table, weights, S, self.sentences, compute=compute)
        self._decoder = TranslationDecoder(sizes.cell, TABLE, weights, (1, S, rows), compute=compute)
        self._table, self._bias = weights[TABLE][: sizes.target_vocabulary], weights["softmax.b"]
        V, E = self._table.shape
        self._W = weights.device.Packed(E, V, compute.precision)
        self._logits = np.zeros((rows, V), weights.flat.dtype)
        self.load()

    def load(self) -> None:
        """Take the weights as they are now."""
        self._encoder.pack()
        self._decoder.pack()
        self._W.pack_transposed(self._table, self._compute.threads)

    def begin(self, source: Array, lengths: Array) -> None:
        """Encode sources (s, b) of these lengths (b,), s at most S and b at most `sentences`."""
        S, (s, b) = self._encoder.S, source.shape
        if s > S or b > self.sentences:
            raise ValueError(f"{b} sources of {s} tokens, for buffers of {self.sentences} of {S}")
        tokens, padded = np.zeros((S, self.sentences), np.int32), np.zeros(self.sentences, np.int32)
        tokens[:s, :b], padded[:b] = source, lengths
        self._encoder.load(tokens, padded)
        encoded = self._encoder.forward()
        memory, keys = (np.repeat(part, self.width, axis=1) for part in (encoded.memory, encoded.keys))
        self._encoded = Encoded(memory, keys, np.repeat(encoded.initial, self.width, axis=0))
        self._lengths = np.repeat(padded, self.width)
        self._decoder.begin(self._encoded.initial)

    def step(self, tokens: Array) -> tuple[Array, Array]:
        """Read a token of each hypothesis (sentences * width,), and return what may follow.

        log probabilities  (sentences * width, V)
        attention          (sentences * width, S)  what this step has read of each source

        Both are valid until the next call.
        """
        self._decoder.load(tokens[None])
        outputs = self._decoder.forward(self._encoded, self._lengths)[0]
        self._decoder.carry()
        self._weights.device.linear.forward(outputs, self._W, self._bias, self._logits, self._compute.threads)
        return _log_softmax(self._logits), self._decoder.attention.weights[0]

    def reorder(self, rows: Array) -> None:
        """Continue hypothesis n from the states of hypothesis rows[n] of the same source."""
        for stack in (self._decoder.lower, self._decoder.upper):
            for state in stack.states().values():
                state[...] = state[rows]


def _log_softmax(logits: Array) -> Array:
    """Turn logits (N, V) into the logarithms of the softmax of each row, in place, and return them."""
    logits -= logits.max(axis=1, keepdims=True)
    sums = np.exp(logits).sum(axis=1, dtype=np.float64, keepdims=True)
    logits -= np.log(sums).astype(logits.dtype)
    return logits
