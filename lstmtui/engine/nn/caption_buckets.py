"""A caption model for batches of any shape: see `encoder_decoder_buckets`."""

from __future__ import annotations

from typing import cast

from lstmtui.data.caption_batches import CaptionBatch
from lstmtui.engine.nn.caption_model import CaptionModel, CaptionSizes
from lstmtui.engine.nn.encoder_decoder_buckets import (
    EncoderDecoderBuckets,
    Shape,
    rounded_examples,
    rounded_length,
)
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.reused_memory import ReusedMemory


class CaptionBuckets(EncoderDecoderBuckets[CaptionBatch]):
    """Models by shape; each is made for the first batch of its shape."""

    def __init__(
        self, sizes: CaptionSizes, weights: Arena, *, compute: Compute, gradients: Arena | None = None,
        memory: ReusedMemory | None = None,
    ) -> None:  # fmt: skip
        """As `EncoderDecoderBuckets`."""
        self.sizes = sizes
        super().__init__(sizes, weights, compute=compute, gradients=gradients, memory=memory)

    def _shape(self, batch: CaptionBatch) -> Shape:
        T, B = batch.inputs.shape
        return self.sizes.grid.positions, rounded_length(T), rounded_examples(B)

    def _make(self, shape: Shape) -> CaptionModel:
        return CaptionModel(
            self.sizes, self._weights, shape[1:], compute=self.compute, gradients=self._gradients,
            softmax=self._softmax,
        )  # fmt: skip

    def model(self, batch: CaptionBatch) -> CaptionModel:
        """Return the model that computes a batch. Raises MemoryError where its buffers do not fit."""
        return cast(CaptionModel, self._model(batch))
