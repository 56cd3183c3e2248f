"""Gradient flow of a caption model, of every layer that reads along rows or columns and of the decoder, in the terms of
`gradient_flow`.

L is the negative log likelihood of one token of a caption, in nats. The value at lag k of a layer along the rows is the
gradient with respect to the state that it carries into the last k patches of a row, its mean over all rows; of the
backward direction, into the first k. Attention reads every patch, so these gradients need not go through time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.config import PictureSettings
from lstmtui.data.caption_batches import CaptionBatch
from lstmtui.data.caption_examples import CaptionExamples
from lstmtui.data.pair_batches import IGNORED, decoder_rows
from lstmtui.engine.analysis.caption_layers import named_layers
from lstmtui.engine.analysis.gradient_flow import LAGS, SEQUENCES
from lstmtui.engine.analysis.translation_flow import measure_flow
from lstmtui.engine.nn.caption_model import CaptionModel, CaptionSizes
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import UsageError
from lstmtui.reports.gradient_flow import Flow

Array = np.ndarray[Any, Any]

MIN_STEPS = 2
"""Of a layer or caption that is measured."""


class CaptionFlow:
    """Measures one set of weights, any number of times, on the same pictures."""

    def __init__(
        self, sizes: CaptionSizes, weights: Arena, examples: CaptionExamples, s: PictureSettings, *, lags: int = LAGS,
        sequences: int = SEQUENCES, threads: int = 1,
    ) -> None:  # fmt: skip
        """Choose up to `sequences` of the pictures with the longest captions. The shortest of these, and the sides of
        the grid, bound the lags. Raises UsageError where no caption has two tokens."""
        self._batch = last_token_batch(examples, s, sequences)
        T, B = self._batch.inputs.shape
        # In float32, or float64, so that nearly vanished gradients are measured.
        compute = Compute(weights.flat.dtype.name, threads)
        gradients = Arena(weights.layout, weights.flat.dtype.type)
        self._model = CaptionModel(sizes, weights, (T, B), compute=compute, gradients=gradients)
        # A picture of one row has columns of one step, through which nothing flows.
        self._layers = [layer for layer in named_layers(self._model) if layer.steps >= MIN_STEPS]
        self.lags = min(lags, *(layer.steps for layer in self._layers))

    def measure(self, step: int = 0) -> Flow:
        """Return the gradient flow of the current weights; `step` is recorded with it."""
        lengths = [np.full(layer.stack.B, layer.steps) for layer in self._layers]
        return measure_flow(self._model, self._batch, self._layers, lengths, lags=self.lags, step=step)


def last_token_batch(examples: CaptionExamples, s: PictureSettings, count: int) -> CaptionBatch:
    """Return up to `count` pictures with the longest captions, which end within the shortest; only their last token has
    a loss. Raises UsageError where no caption has two tokens."""
    tokens = examples.tokens.lengths - 1  # the end is none
    chosen = np.argsort(-tokens, kind="stable")[:count]
    chosen = chosen[tokens[chosen] >= MIN_STEPS]
    if not len(chosen):
        raise UsageError("Gradient flow needs a caption with two tokens or more.")
    T = int(tokens[chosen].min())
    pictures = examples.picture[chosen]
    inputs, whole = decoder_rows([examples.tokens[int(n)] for n in chosen])
    targets = np.full_like(whole[:T], IGNORED)
    targets[-1] = whole[T - 1]
    vectors = np.stack([examples.vectors(int(n), s) for n in pictures], axis=1)
    return CaptionBatch(vectors, inputs[:T], targets, pictures, chosen)
