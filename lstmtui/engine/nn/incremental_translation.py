"""A translation model that writes a token at a time: see `incremental_decoder`."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.engine.nn.encoder_decoder import padded
from lstmtui.engine.nn.incremental_decoder import IncrementalDecoder
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_encoder import TranslationEncoder
from lstmtui.engine.nn.translation_model import TranslationSizes

Array = np.ndarray[Any, Any]


class IncrementalTranslation(IncrementalDecoder):
    """Up to `sentences` sources of up to S tokens, and `width` hypotheses of each, over shared weights."""

    encoder: TranslationEncoder

    def __init__(
        self, sizes: TranslationSizes, weights: Arena, shape: tuple[int, int, int], *, compute: Compute
    ) -> None:
        """As `IncrementalDecoder`."""
        S, sentences, _ = shape
        self.encoder = TranslationEncoder(sizes.cell, sizes.source_table, weights, S, sentences, compute=compute)
        super().__init__(sizes, weights, shape, compute=compute)

    def _load_sources(self, source: Array, lengths: Array) -> Array:
        of_all = np.zeros(self.sentences, np.int32)
        of_all[: len(lengths)] = lengths
        self.encoder.load(padded(source, (self._S, self.sentences), 0), of_all)
        return of_all
