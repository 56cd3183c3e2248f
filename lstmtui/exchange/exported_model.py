"""A language model between this program and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer

Array = np.ndarray[Any, Any]


class Shape(NamedTuple):
    """The sizes that determine the name and shape of every weight."""

    cell: str
    vocabulary: int
    embedding: int
    hidden: int
    layers: int
    tied: bool


@dataclass(frozen=True, slots=True, eq=False)
class ExportedModel:
    """Everything that another program needs of a language model."""

    name: str
    settings: RunSettings
    tokenizer: Tokenizer
    weights: Mapping[str, Array]
    """float32, under the names and in the shapes of a checkpoint: see `lstmtui.engine.nn.params.parameters`."""
    step: int
    figures: Mapping[str, float]
    """Of the validation text, such as nll; empty where they are unknown."""

    @property
    def shape(self) -> Shape:
        """The sizes of the network."""
        n = self.settings.network
        return Shape(n.cell, self.tokenizer.size, n.embedding, n.hidden, n.layers, n.tied)
