"""A translation model for batches of any shape: see `encoder_decoder_buckets`."""

from __future__ import annotations

from typing import cast

from lstmtui.data.pair_batches import PairBatch
from lstmtui.engine.nn.encoder_decoder_buckets import (
    EncoderDecoderBuckets,
    Shape,
    rounded_examples,
    rounded_length,
)
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.reused_memory import ReusedMemory
from lstmtui.engine.nn.translation_model import TranslationModel, TranslationSizes


def rounded_shape(batch: PairBatch) -> Shape:
    """Return the shape (S, T, B) of the model that computes a batch."""
    S, B = batch.source.shape
    return rounded_length(S), rounded_length(len(batch.inputs)), rounded_examples(B)


class TranslationBuckets(EncoderDecoderBuckets[PairBatch]):
    """Models by shape; each is made for the first batch of its shape."""

    def __init__(
        self, sizes: TranslationSizes, weights: Arena, *, compute: Compute, gradients: Arena | None = None,
        memory: ReusedMemory | None = None,
    ) -> None:  # fmt: skip
        """As `EncoderDecoderBuckets`."""
        self.sizes = sizes
        super().__init__(sizes, weights, compute=compute, gradients=gradients, memory=memory)

    def _shape(self, batch: PairBatch) -> Shape:
        return rounded_shape(batch)

    def _make(self, shape: Shape) -> TranslationModel:
        return TranslationModel(
            self.sizes, self._weights, shape, compute=self.compute, gradients=self._gradients, softmax=self._softmax
        )

    def model(self, batch: PairBatch) -> TranslationModel:
        """Return the model that computes a batch. Raises MemoryError where its buffers do not fit."""
        return cast(TranslationModel, self._model(batch))
