"""A speech model for batches of any shape: one model for each shape of buffers, over shared weights.

Shapes are rounded up, so that there are few of them and little is padded. Only one model computes at a time, so all
share their buffers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout
from lstmtui.engine.nn.reused_memory import ReusedMemory
from lstmtui.engine.nn.speech_model import Likelihoods, SpeechModel, SpeechSizes, Utterances

Array = np.ndarray[Any, Any]

Shape = tuple[int, int, int]
MIN_FRAMES, MIN_LABELS = 16, 8
STEPS = 8
"""Sizes from one power of two to the next: at most a ninth of a batch is padding."""


def rounded_shape(frames: int, utterances: int, labels: int) -> Shape:
    """Return the shape (T, B, U) of the model that computes a batch of this size."""
    return max(MIN_FRAMES, _rounded(frames)), _rounded(utterances), max(MIN_LABELS, 1 << (labels - 1).bit_length())


def _rounded(count: int) -> int:
    """Return `count` or the next larger of a few sizes; small ones are all there."""
    step = max(1, (1 << (count - 1).bit_length()) // (2 * STEPS))
    return -(-count // step) * step


class SpeechBuckets:
    """Models by shape; each is made for the first batch of its shape."""

    def __init__(self, sizes: SpeechSizes, weights: Arena, *, compute: Compute, gradients: Arena | None = None) -> None:
        """`gradients` is where those of the weights go, None to read only."""
        self.sizes, self.weights, self.compute, self._gradients = sizes, weights, compute, gradients
        if gradients is not None:
            self.gradients = gradients
        self.memory = ReusedMemory(weights)
        self._models: dict[Shape, SpeechModel] = {}

    def states(self) -> dict[str, Array]:
        """Return nothing: no state carries over from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry nothing over."""

    def model(self, batch: Utterances) -> SpeechModel:
        """Return the model that computes a batch. Raises MemoryError where its buffers do not fit."""
        (T, B, _), (_, U) = batch.frames.shape, batch.labels.shape
        return self._of_shape(rounded_shape(T, B, U))

    def _of_shape(self, shape: Shape) -> SpeechModel:
        if shape not in self._models:
            self.memory.restart()
            self._models[shape] = SpeechModel(
                self.sizes, self.memory.weights, shape, compute=self.compute, gradients=self._gradients
            )
        return self._models[shape]

    def evaluate(self, batch: Utterances) -> Likelihoods:
        """Return what the model says of a batch, as `SpeechModel.evaluate` does."""
        return self.model(batch).evaluate(batch)

    def recognise(self, frames: Array, lengths: Array) -> Array:
        """Return the log probability of each label at each frame (t, b, V), as `SpeechModel.recognise` does."""
        return self.reader(*frames.shape[:2]).recognise(frames, lengths)

    def reader(self, frames: int, utterances: int) -> SpeechModel:
        """Return the model that recognises as many. Raises MemoryError where its buffers do not fit."""
        return self._of_shape(rounded_shape(frames, utterances, 0))

    def gradient(self, batch: Utterances, dropout: Dropout = NO_DROPOUT) -> float:
        """Fill `gradients`, and return the loss, as `SpeechModel.gradient` does."""
        return self.model(batch).gradient(batch, dropout)
