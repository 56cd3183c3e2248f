"""A caption model that writes a token at a time: see `incremental_decoder`."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.engine.nn.caption_model import CaptionSizes
from lstmtui.engine.nn.incremental_decoder import IncrementalDecoder
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.picture_encoder import PictureEncoder

Array = np.ndarray[Any, Any]


class IncrementalCaption(IncrementalDecoder):
    """Up to `pictures` pictures, and `width` hypotheses of each, over shared weights."""

    encoder: PictureEncoder

    def __init__(self, sizes: CaptionSizes, weights: Arena, shape: tuple[int, int], *, compute: Compute) -> None:
        """`shape` is (pictures, width); the rest as `IncrementalDecoder`. `begin` takes vectors (S, b, D)."""
        pictures, width = shape
        self.encoder = PictureEncoder(sizes.cell, sizes.grid, weights, pictures, compute=compute)
        super().__init__(sizes, weights, (sizes.grid.positions, pictures, width), compute=compute)

    def _load_sources(self, source: Array, lengths: Array) -> Array:
        self.encoder.load(source)
        return np.array(self.encoder.lengths)
