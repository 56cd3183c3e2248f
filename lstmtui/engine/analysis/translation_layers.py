"""The recurrent layers of a translation model by name, and what they computed over the tokens of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.pair_batches import IGNORED, PairBatch
from lstmtui.engine.backend import Cell
from lstmtui.engine.nn.bidirectional import DIRECTIONS
from lstmtui.engine.nn.recurrent import Recurrent
from lstmtui.engine.nn.translation_model import TranslationModel

Array = np.ndarray[Any, Any]

SOURCE, TARGET = "source", "target"
"""The side that a layer reads."""


@dataclass(frozen=True, slots=True)
class NamedLayer:
    """One layer of one direction."""

    name: str
    """"encoder 1 forward", "encoder 1 backward", "decoder 1" and so on, from 1."""
    side: str
    stack: Recurrent
    number: int
    """Its place in the stack, from 0."""
    is_backward: bool = False
    """Whether it reads each sentence from its end."""

    @property
    def gates(self) -> Array:
        """The gates after their nonlinearity in the order of reading, (steps, B, G, H), on the host."""
        return self.stack.gates()[self.number]

    @property
    def steps(self) -> int:
        """How many it takes."""
        return self.stack.segments[-1][1]

    @property
    def values(self) -> dict[str, Array]:
        """Gates and states by name in the order of reading, (steps, B, H), on the host."""
        return self.stack.values(self.number)


def named_layers(model: TranslationModel) -> list[NamedLayer]:
    """Return the encoder's layers in both directions, then the decoder's, from the lowest to the highest."""
    encoder = [
        NamedLayer(f"encoder {k + 1} {direction}", SOURCE, stack, 0, direction == DIRECTIONS[1])
        for k, both in enumerate(model.encoder.recurrent.layers)
        for direction, stack in zip(DIRECTIONS, both, strict=True)
    ]
    stacks = [(stack, k) for stack in (model.decoder.lower, model.decoder.upper) for k in range(stack.depth)]
    return encoder + [NamedLayer(f"decoder {n + 1}", TARGET, *place) for n, place in enumerate(stacks)]


def lengths(batch: PairBatch, side: str) -> Array:
    """Return the tokens (B,) of each sentence of one side, with its end."""
    return batch.source_lengths if side == SOURCE else (batch.targets != IGNORED).sum(axis=0)


def of_sentence(layer: NamedLayer, values: Array, batch: PairBatch, b: int) -> Array:
    """Return what a layer computed (steps, B, ...) at the tokens of sentence b, in the order of its tokens."""
    found = values[: int(lengths(batch, layer.side)[b]), b]
    return found[::-1] if layer.is_backward else found


class RealGates:
    """The gates of each layer at the tokens of a batch, without what is padded; a `GateReader`."""

    def __init__(self, model: TranslationModel, batch: PairBatch) -> None:
        self._layers, self._batch = named_layers(model), batch
        self.cell: Cell = model.decoder.lower.cell

    @property
    def names(self) -> list[str]:
        """The names of the layers."""
        return [layer.name for layer in self._layers]

    def gates(self) -> list[Array]:
        """Return the gates of each layer, (tokens, 1, G, H), on the host."""
        return [at_tokens(layer.gates, lengths(self._batch, layer.side))[:, None] for layer in self._layers]


def at_tokens(values: Array, real: Array) -> Array:
    """Return the values (steps, B, ...) at the first `real` (b,) steps of each sentence, (tokens, ...)."""
    return np.asarray(values[:, : len(real)][np.arange(len(values))[:, None] < real])


def window(model: TranslationModel, batch: PairBatch, names: Callable[[str], list[str]]) -> dict[str, Any]:
    """Return the gates of every layer over the first sentence, as arrays of a window.

    names  returns the names of the tokens of a side

    `values` (L, G, T, H) float16 is padded to the longer side; `pieces` (L, T) has the names of the tokens that each
    layer reads, and as many empty ones as are padded.
    """
    layers = named_layers(model)
    return padded_window(
        [(layer.name, of_sentence(layer, layer.gates, batch, 0), names(layer.side)) for layer in layers]
    )


def padded_window(layers: Sequence[tuple[str, Array, list[str]]]) -> dict[str, Any]:
    """Return name, gates (steps, G, H) and what is read at each step, of every layer, as arrays of a window."""
    T = max(len(gates) for _, gates, _ in layers)
    values = np.zeros((len(layers), layers[0][1].shape[1], T, layers[0][1].shape[2]), np.float16)
    for k, (_, gates, _) in enumerate(layers):
        values[k, :, : len(gates)] = gates.transpose(1, 0, 2)
    pieces = [[*read, *[""] * (T - len(gates))] for _, gates, read in layers]
    return {"values": values, "layer_names": [name for name, *_ in layers], "pieces": pieces}
