"""A caption model: an encoder of pictures before attention and decoder, for pictures with their captions side by side.

See `picture_encoder` for the first half, and `encoder_decoder` for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.caption_batches import CaptionBatch
from lstmtui.engine.backend import LinearCrossEntropy
from lstmtui.engine.nn.bidirectional import DIRECTIONS
from lstmtui.engine.nn.encoder_decoder import (
    TABLE,
    DecoderSizes,
    EncoderDecoder,
    decoder_parameters,
    layer_parameters,
    linear_parameters,
    table_parameter,
)
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena, Parameter, decayed_first
from lstmtui.engine.nn.picture_encoder import PATCHES, POSITIONS, Grid, PictureEncoder, sweep_name

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionSizes(DecoderSizes):
    """What a caption model is made of."""

    grid: Grid
    vector: int
    """Numbers of a vector of the grid, such as those of a patch."""


def parameters(sizes: CaptionSizes) -> list[Parameter]:
    """Return every parameter of the model, decayed matrices first.

    embedding (V, E); patches.W (E, D) and b, positions (S, E); encoder.L.rows.0 and encoder.L.columns.0, .forward and
    .backward, as recurrent layers; those of `decoder_parameters`.
    """
    s = sizes
    found = [
        table_parameter(TABLE, s.target_vocabulary, s),
        *linear_parameters(PATCHES, (s.embedding, s.vector)),
        table_parameter(POSITIONS, s.grid.positions, s),
    ]
    for k in range(2 * s.encoder_layers):
        for direction in DIRECTIONS:
            found += layer_parameters(f"{sweep_name(k)}.0.{direction}", s, s.memory if k else s.embedding)
    return decayed_first(found + decoder_parameters(s))


class CaptionModel(EncoderDecoder[CaptionBatch]):
    """Batches of B pictures and up to T tokens of their captions, over shared weights and gradients."""

    encoder: PictureEncoder

    def __init__(
        self, sizes: CaptionSizes, weights: Arena, shape: tuple[int, int], *, compute: Compute,
        gradients: Arena | None = None, softmax: LinearCrossEntropy | None = None,
    ) -> None:  # fmt: skip
        """`shape` is (T, B); the rest as `EncoderDecoder`."""
        self.sizes, (T, B) = sizes, shape
        super().__init__(
            sizes, weights, (sizes.grid.positions, T, B), compute=compute, gradients=gradients, softmax=softmax
        )

    def _make_encoder(self, gradients: Arena | None) -> PictureEncoder:
        s, (_, _, B) = self.sizes, self.shape
        return PictureEncoder(s.cell, s.grid, self.weights, B, compute=self.compute, gradients=gradients)

    def _load_source(self, batch: CaptionBatch) -> None:
        self.encoder.load(batch.vectors)
