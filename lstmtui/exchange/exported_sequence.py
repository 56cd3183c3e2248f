"""A translation, caption or speech model between this program and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.feature_file import Statistics
from lstmtui.data.tokens import Tokenizer

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExportedSequenceModel:
    """Everything that another program needs of such a model; the sizes are those of its weights."""

    name: str
    settings: RunSettings
    source: Tokenizer | None = None
    """Of a translation."""
    target: Tokenizer
    """Of what the model writes."""
    weights: Mapping[str, Array]
    """float32, under the names and in the shapes of a checkpoint: see `parameters` of the model in
    `lstmtui.engine.nn`."""
    step: int
    figures: Mapping[str, float]
    """Of the validation part; empty where they are unknown."""
    statistics: Statistics | None = None
    """Of the training features of speech; None where a run of both directions has none."""
    longest: float = 0
    """Tokens of the longest training caption, or seconds of the longest training recording."""

    @property
    def purpose(self) -> str:
        """What it was trained for: "translation", "captions" or "speech"."""
        return self.settings.data.purpose

    @property
    def cell(self) -> str:
        """The name of its cell."""
        return self.settings.network.cell

    @property
    def about(self) -> dict[str, str]:
        """What the metadata of a graph say."""
        return {
            "cell": self.cell, "tokens": self.target.kind, "step": str(self.step), "name": self.name,
            "purpose": self.purpose,
        }  # fmt: skip
