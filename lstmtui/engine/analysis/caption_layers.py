"""The recurrent layers of a caption model by name, and what they computed over the pictures of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.data.caption_batches import CaptionBatch
from lstmtui.data.pair_batches import IGNORED
from lstmtui.engine.analysis.translation_layers import TARGET, NamedLayer, at_tokens, padded_window
from lstmtui.engine.backend import Cell
from lstmtui.engine.nn.bidirectional import DIRECTIONS
from lstmtui.engine.nn.caption_model import CaptionModel
from lstmtui.engine.nn.picture_encoder import ROWS

Array = np.ndarray[Any, Any]


def named_layers(model: CaptionModel) -> list[NamedLayer]:
    """Return the encoder's layers in both directions, whose side is what they read along, then the decoder's."""
    encoder = [
        NamedLayer(f"{along} {k // 2 + 1} {direction}", along, stack, 0, direction == DIRECTIONS[1])
        for k, (along, part) in enumerate(model.encoder.sweeps)
        for direction, stack in zip(DIRECTIONS, part.layers[0], strict=True)
    ]
    stacks = [(stack, k) for stack in (model.decoder.lower, model.decoder.upper) for k in range(stack.depth)]
    return encoder + [NamedLayer(f"decoder {n + 1}", TARGET, *place) for n, place in enumerate(stacks)]


class CaptionGates:
    """The gates of each layer over the pictures and captions of a batch that was read last; a `GateReader`."""

    def __init__(self, model: CaptionModel, batch: CaptionBatch) -> None:
        self.cell: Cell = model.decoder.lower.cell
        self._pictures = batch.inputs.shape[1]
        self._lengths = (batch.targets != IGNORED).sum(axis=0)
        self._padded, self._grid = model.encoder.B, model.encoder.grid
        layers = named_layers(model)
        self._sweeps = [layer for layer in layers if layer.side != TARGET]
        self._decoder = [layer for layer in layers if layer.side == TARGET]
        self.names = [layer.name for layer in layers]
        """Of the layers: "rows 1 forward" and so on, then "decoder 1" and so on, from 1."""

    def gates(self) -> list[Array]:
        """Return the gates of each layer, (positions, 1, G, H), on the host, without what is padded."""
        encoder = [self._of_lines(layer.gates)[:, :, : self._pictures] for layer in self._sweeps]
        decoder = [at_tokens(layer.gates, self._lengths) for layer in self._decoder]
        return [gates.reshape(-1, 1, *gates.shape[-2:]) for gates in (*encoder, *decoder)]

    def window(self, tokens: list[str]) -> dict[str, Any]:
        """Return the gates of every layer over the first picture, as arrays of a window: the encoder's over the row, or
        the column, in the middle.

        tokens  the names of what the decoder reads
        """
        rows, columns = self._grid
        found = []
        for layer in self._sweeps:
            lines = self._of_lines(layer.gates)
            gates = lines[:, lines.shape[1] // 2, 0]
            names = (
                [f"{rows // 2 + 1},{c + 1}" for c in range(columns)]
                if layer.side == ROWS
                else [f"{r + 1},{columns // 2 + 1}" for r in range(rows)]
            )
            found.append((layer.name, gates[::-1] if layer.is_backward else gates, names))
        for layer in self._decoder:
            found.append((layer.name, layer.gates[: len(tokens), 0], tokens))
        return padded_window(found)

    def _of_lines(self, gates: Array) -> Array:
        """Return gates of the encoder (steps, lines * B, G, H) as (steps, lines, B, G, H)."""
        return gates.reshape(len(gates), -1, self._padded, *gates.shape[2:])
