"""A translation model for batches of any shape: one model for each shape of buffers, over shared weights.

Shapes are rounded up, so that there are few of them and little is padded. Only one model computes at a time, so all
share their buffers (90 models of Multi30k had 5.8 GB of their own) and their packed weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.data.pair_batches import PairBatch
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.reused_memory import ReusedMemory
from lstmtui.engine.nn.translation_decoder import NO_DROPOUT, TranslationDropout
from lstmtui.engine.nn.translation_model import TranslationModel, TranslationSizes, softmax_buffers

Array = np.ndarray[Any, Any]

Shape = tuple[int, int, int]
LENGTH_STEP, MIN_LENGTH, PAIRS_STEP = 2, 8, 4
"""Lengths are rounded up to a multiple of the first, but are the second at least; pairs to one of the third."""


def rounded_shape(batch: PairBatch) -> Shape:
    """Return the shape (S, T, B) of the model that computes a batch."""
    (S, B), T = batch.source.shape, len(batch.inputs)
    S, T = (max(MIN_LENGTH, _rounded(length, LENGTH_STEP)) for length in (S, T))
    return S, T, _rounded(B, PAIRS_STEP)


def _rounded(count: int, step: int) -> int:
    return -(-count // step) * step


class TranslationBuckets:
    """Models by shape; each is made for the first batch of its shape."""

    def __init__(
        self, sizes: TranslationSizes, weights: Arena, *, compute: Compute, gradients: Arena | None = None,
        memory: ReusedMemory | None = None,
    ) -> None:  # fmt: skip
        """`gradients` is where those of the weights go, None to read only; `memory` is that of other buckets, which
        compute at other times, None for their own."""
        self.sizes, self.weights, self.compute, self._gradients = sizes, weights, compute, gradients
        if gradients is not None:
            self.gradients = gradients
        self.memory, self._positions = memory or ReusedMemory(weights), 0
        self._weights = self.memory.weights_of(weights)
        self._models: dict[Shape, TranslationModel] = {}

    def states(self) -> dict[str, Array]:
        """Return nothing: no state carries over from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry nothing over."""

    def model(self, batch: PairBatch) -> TranslationModel:
        """Return the model that computes a batch. Raises MemoryError where its buffers do not fit."""
        shape = S, T, B = rounded_shape(batch)
        if self._positions < T * B:
            self._positions = T * B
            self._softmax = softmax_buffers(self.sizes, self.weights, self._positions, self.compute)
            for made in self._models.values():
                made.softmax = self._softmax
        if shape not in self._models:
            self.memory.restart()
            self._models[shape] = TranslationModel(
                self.sizes, self._weights, (S, T, B), compute=self.compute, gradients=self._gradients,
                softmax=self._softmax,
            )  # fmt: skip
        return self._models[shape]

    def evaluate(self, batch: PairBatch) -> Array:
        """Return the negative log-likelihood of each target (t, b), as `TranslationModel.evaluate` does."""
        return self.model(batch).evaluate(batch)

    def gradient(self, batch: PairBatch, dropout: TranslationDropout = NO_DROPOUT, smoothing: float = 0.0) -> float:
        """Fill `gradients`, and return the loss, as `TranslationModel.gradient` does."""
        return self.model(batch).gradient(batch, dropout, smoothing)
