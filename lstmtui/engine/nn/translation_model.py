"""A translation model: an encoder of tokens before attention and decoder, for sentence pairs side by side.

Sources and targets share one table where the vocabulary is joint; the first tokens are then those of the target side,
and the softmax has no others. See `encoder_decoder` for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.pair_batches import PairBatch
from lstmtui.engine.backend import LinearCrossEntropy
from lstmtui.engine.nn import translation_encoder
from lstmtui.engine.nn.bidirectional import DIRECTIONS
from lstmtui.engine.nn.encoder_decoder import (
    TABLE,
    DecoderSizes,
    EncoderDecoder,
    decoder_parameters,
    layer_parameters,
    padded,
    table_parameter,
)
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena, Parameter, decayed_first
from lstmtui.engine.nn.translation_encoder import TranslationEncoder

Array = np.ndarray[Any, Any]

SOURCE_TABLE = "source_embedding"
"""The embedding of sources alone; where both sides share one, it is TABLE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationSizes(DecoderSizes):
    """What a translation model is made of; targets are the first tokens of a joint vocabulary."""

    source_vocabulary: int
    joint: bool = False
    """Whether both sides share one table, of `source_vocabulary` tokens."""

    @property
    def source_table(self) -> str:
        """The name of the embedding of sources."""
        return TABLE if self.joint else SOURCE_TABLE


def parameters(sizes: TranslationSizes) -> list[Parameter]:
    """Return every parameter of the model, decayed matrices first.

    embedding (V, D), source_embedding where it is not joint; encoder.L.forward and .backward as recurrent layers; those
    of `decoder_parameters`.
    """
    s = sizes
    rows = max(s.source_vocabulary, s.target_vocabulary) if s.joint else s.target_vocabulary
    found = [table_parameter(TABLE, rows, s)]
    if not s.joint:
        found.append(table_parameter(SOURCE_TABLE, s.source_vocabulary, s))
    for k in range(s.encoder_layers):
        for direction in DIRECTIONS:
            found += layer_parameters(
                f"{translation_encoder.LAYERS}.{k}.{direction}", s, s.memory if k else s.embedding
            )
    return decayed_first(found + decoder_parameters(s))


class TranslationModel(EncoderDecoder[PairBatch]):
    """Batches of up to S source and T target tokens of B pairs, over shared weights and gradients."""

    encoder: TranslationEncoder

    def __init__(
        self, sizes: TranslationSizes, weights: Arena, shape: tuple[int, int, int], *, compute: Compute,
        gradients: Arena | None = None, softmax: LinearCrossEntropy | None = None,
    ) -> None:  # fmt: skip
        """As `EncoderDecoder`."""
        self.sizes = sizes
        super().__init__(sizes, weights, shape, compute=compute, gradients=gradients, softmax=softmax)

    def _make_encoder(self, gradients: Arena | None) -> TranslationEncoder:
        s, (S, _, B) = self.sizes, self.shape
        return TranslationEncoder(
            s.cell, s.source_table, self.weights, S, B, compute=self.compute, gradients=gradients
        )  # fmt: skip

    def _load_source(self, batch: PairBatch) -> None:
        (s, b), (S, _, B) = batch.source.shape, self.shape
        if s > S:
            raise ValueError(f"sources of {s} tokens, for buffers of {S}")
        lengths = np.zeros(B, np.int32)
        lengths[:b] = batch.source_lengths
        self.encoder.load(padded(batch.source, (S, B), 0), lengths)

    def _backward(self, outputs: Array) -> None:
        if not self.sizes.joint:  # the encoder adds to it
            self.device.arrays.fill(self.gradients[SOURCE_TABLE], 0, self.compute.threads)
        super()._backward(outputs)
