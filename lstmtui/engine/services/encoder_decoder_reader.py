"""What readers of translations and of captions have in common: sizes of an encoder and a decoder."""

from __future__ import annotations

from typing import Any, ClassVar

from lstmtui.config import RunSettings
from lstmtui.engine.backend import CELLS, Cell
from lstmtui.engine.nn.encoder_decoder import DecoderSizes
from lstmtui.engine.nn.params import Arena


class EncoderDecoderReader:
    """A `Reader` of one run; a subclass sets `_settings`, `_sizes`, `_weights` and `step`."""

    ways: ClassVar[int]
    """Recurrences in a layer of the encoder, each of which is inspected by itself."""
    step: int
    _settings: RunSettings
    _sizes: DecoderSizes
    _weights: Arena

    @property
    def cell(self) -> Cell:
        """The recurrent cell."""
        return CELLS[self._sizes.cell]

    @property
    def layers(self) -> int:
        """Layers of encoder and decoder that can be inspected."""
        s = self._sizes
        return self.ways * s.encoder_layers + s.lower_layers + s.upper_layers

    @property
    def units(self) -> int:
        """Units of a layer."""
        return self._sizes.hidden

    def about(self) -> dict[str, Any]:
        """Return what a front end shows of the model."""
        return {
            "step": self.step, "cell": self._sizes.cell, "hidden": self.units, "layers": self.layers,
            "tokens": self._settings.data.tokens, "vocabulary": self._sizes.target_vocabulary,
            "parameters": self._weights.count,
        }  # fmt: skip
