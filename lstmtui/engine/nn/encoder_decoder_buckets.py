"""A model of encoder and decoder for batches of any shape: one model for each shape of buffers, over shared weights.

Shapes are rounded up, so that there are few of them and little is padded. Only one model computes at a time, so all
share their buffers (90 models of Multi30k had 5.8 GB of their own) and their packed weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic

import numpy as np

from lstmtui.engine.nn.encoder_decoder import Batch, DecoderSizes, EncoderDecoder, softmax_buffers
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.reused_memory import ReusedMemory
from lstmtui.engine.nn.translation_decoder import NO_DROPOUT, TranslationDropout

Array = np.ndarray[Any, Any]

Shape = tuple[int, int, int]
LENGTH_STEP, MIN_LENGTH, EXAMPLES_STEP = 2, 8, 4
"""Lengths are rounded up to a multiple of the first, but are the second at least; examples to one of the third."""


def rounded_length(length: int) -> int:
    """Return the positions of the buffers for a side of this length."""
    return max(MIN_LENGTH, _rounded(length, LENGTH_STEP))


def rounded_examples(count: int) -> int:
    """Return the examples of the buffers for a batch of `count`."""
    return _rounded(count, EXAMPLES_STEP)


def _rounded(count: int, step: int) -> int:
    return -(-count // step) * step


class EncoderDecoderBuckets(ABC, Generic[Batch]):
    """Models by shape; each is made for the first batch of its shape."""

    def __init__(
        self, sizes: DecoderSizes, weights: Arena, *, compute: Compute, gradients: Arena | None = None,
        memory: ReusedMemory | None = None,
    ) -> None:  # fmt: skip
        """`gradients` is where those of the weights go, None to read only; `memory` is that of other buckets, which
        compute at other times, None for their own."""
        self._of_decoder, self.weights, self.compute, self._gradients = sizes, weights, compute, gradients
        if gradients is not None:
            self.gradients = gradients
        self.memory, self._positions = memory or ReusedMemory(weights), 0
        self._weights = self.memory.weights_of(weights)
        self._models: dict[Shape, EncoderDecoder[Batch]] = {}

    @abstractmethod
    def _shape(self, batch: Batch) -> Shape:
        """Return the shape (S, T, B) of the model that computes a batch."""

    @abstractmethod
    def _make(self, shape: Shape) -> EncoderDecoder[Batch]:
        """Return a model of this shape with the weights `_weights` and the softmax `_softmax`."""

    def states(self) -> dict[str, Array]:
        """Return nothing: no state carries over from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry nothing over."""

    def _model(self, batch: Batch) -> EncoderDecoder[Batch]:
        """Return the model that computes a batch. Raises MemoryError where its buffers do not fit."""
        shape = _, T, B = self._shape(batch)
        if self._positions < T * B:
            self._positions = T * B
            self._softmax = softmax_buffers(self._of_decoder, self.weights, self._positions, self.compute)
            for made in self._models.values():
                made.softmax = self._softmax
        if shape not in self._models:
            self.memory.restart()
            self._models[shape] = self._make(shape)
        return self._models[shape]

    def evaluate(self, batch: Batch) -> Array:
        """Return the negative log-likelihood of each target (t, b), as `EncoderDecoder.evaluate` does."""
        return self._model(batch).evaluate(batch)

    def gradient(self, batch: Batch, dropout: TranslationDropout = NO_DROPOUT, smoothing: float = 0.0) -> float:
        """Fill `gradients`, and return the loss, as `EncoderDecoder.gradient` does."""
        return self._model(batch).gradient(batch, dropout, smoothing)
