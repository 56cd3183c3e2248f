"""A text as a model read it: its tokens, and the gates and states of the units over them."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.config import CELLS
from lstmtui.tui.widgets.coded_text import printable

UNIT_ORDERS = {
    "selective": "most selective first",
    "slow": "slowest first",
    "active": "most active first",
    "number": "by number",
}
"""The orders of units, and how a title names them."""
EPSILON = 1e-6
"""The smallest range that values are scaled by."""


@dataclass(frozen=True, slots=True)
class InspectedText:
    """The tokens of a text, and the network that read it."""

    pieces: tuple[str, ...]
    """The tokens as text; not safe for a terminal."""
    bits: tuple[float | None, ...]
    """The surprise of each token: -log2 of its probability; None for the first."""
    cell: str
    parts: tuple[str, ...]
    """The gates and states of a unit, in the order of the cell."""
    sigmoids: frozenset[str]
    """The parts between 0 and 1."""
    layers: int
    units: int
    """Units of a layer."""
    was_cut: bool
    """Whether the text was too long and only its beginning was read."""
    layer_names: tuple[str, ...] = ()
    """The name of each layer, of a network whose layers have names; else they are numbered."""
    reads: tuple[str, ...] = ()
    """The side that each layer reads, of such a network."""
    sides: Mapping[str, tuple[tuple[str, ...], tuple[float | None, ...]]] = field(default_factory=dict)
    """The pieces and bits of each side."""
    lines: str = ""
    """The text as it can be given again, where it is not the pieces."""

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> InspectedText:
        """Return the text in an answer of the engine. Raises KeyError, TypeError or ValueError."""
        cell = CELLS[answer["cell"]]
        if not set(answer["parts"]) <= {*cell.gate_names, *cell.states}:
            raise ValueError("it names gates that its cell does not have")
        layers, names = int(answer["layers"]), tuple(str(name) for name in answer.get("layer_names", ()))
        reads = tuple(str(side) for side in answer.get("reads", ()))
        sides = {name: (tuple(side["pieces"]), tuple(side["bits"])) for name, side in answer.get("sides", {}).items()}
        if names and not (len(names) == len(reads) == layers and set(reads) <= set(sides)):
            raise ValueError("its layers do not have the names of its answer")
        return cls(
            pieces=tuple(answer["pieces"]),
            bits=tuple(answer["bits"]),
            cell=answer["cell"],
            parts=tuple(answer["parts"]),
            sigmoids=frozenset(answer.get("squashed", ())),
            layers=layers,
            units=int(answer["units"]),
            was_cut=bool(answer.get("cut")),
            layer_names=names,
            reads=reads,
            sides=sides,
            lines=str(answer.get("lines", "")),
        )

    def of_layer(self, layer: int) -> InspectedText:
        """Return the tokens that a layer reads."""
        if not self.reads:
            return self
        pieces, bits = self.sides[self.reads[layer]]
        return replace(self, pieces=pieces, bits=bits)

    def layer_name(self, layer: int) -> str:
        """Return the name of a layer."""
        return one_line(self.layer_names[layer], 24) if self.layer_names else f"layer {layer + 1}"

    def clamp(self, token: int) -> int:
        """Return the token nearest to `token` that the text has."""
        return min(max(0, token), max(0, len(self.pieces) - 1))

    def label(self, part: str) -> str:
        """Return what a part is called: state h, forget gate."""
        return CELLS[self.cell].label(part)

    def around(self, first: int, last: int, tokens: int) -> tuple[str, str, str]:
        """Return what stands before, in and after the tokens `first` to `last`, with so many tokens on either side."""
        before, inside, after = (
            "".join(map(printable, self.pieces[low:high]))
            for low, high in ((max(0, first - tokens), first), (first, last + 1), (last + 1, last + 1 + tokens))
        )
        return before, inside, after

    def excerpt(self, first: int, last: int) -> str:
        """Return the tokens `first` to `last` in brackets, with a few tokens around them."""
        before, inside, after = self.around(first, last, 16)
        return f"{before}⟦{inside}⟧{after}"

    def describe_token(self, token: int, value: float | None) -> str:
        """Return the number, the text, the value and the surprise of a token, in one line."""
        if not self.pieces:
            return ""
        described = f"{token + 1}/{len(self.pieces)} '{one_line(printable(self.pieces[token]), 12)}'"
        if value is not None:
            described += f" {value:.3f}"
        bits = self.bits[token]
        known = isinstance(bits, int | float) and math.isfinite(bits)
        return f"{described}, surprise {bits:.1f} bits" if known else described

    def drawn_value(self, part: str, value: float, largest: Mapping[str, float]) -> float:
        """Return a value as it is drawn, from -1 to 1: a sigmoid from shut to open, a state relative to its largest."""
        if part in self.sigmoids:
            return 2 * value - 1
        cell = CELLS[self.cell]
        unbounded = part in cell.states or any(gate.name == part and gate.bounds is None for gate in cell.gates)
        return value / largest.get(part, 1.0) if unbounded else value


@dataclass(frozen=True, slots=True)
class UnitValues:
    """Every part of one unit over the text."""

    values: Mapping[str, Sequence[float]]
    """(N,) by part."""
    largest: Mapping[str, float]
    """The largest absolute value of each part in the layer."""

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> UnitValues:
        """Return the values in an answer of the engine."""
        values = {part: list(values) for part, values in answer["values"].items()}
        return cls(values, {part: max(EPSILON, float(value)) for part, value in answer["largest"].items()})

    def at(self, part: str, token: int) -> float | None:
        """Return the value of a part at a token; None where it is unknown."""
        values = self.values.get(part, ())
        return values[token] if token < len(values) else None


@dataclass(frozen=True, slots=True)
class UnitMap:
    """One part of all units of a layer over the text, and figures of each unit."""

    part: str
    scale: float
    coded: bytes
    """(H, N) int8, row after row, in multiples of `scale`."""
    selectivity: tuple[float, ...]
    token: tuple[str, ...]
    """The token that sets a unit apart most; empty for none."""
    spread: tuple[float, ...]
    slowness: tuple[float, ...]

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], tokens: int) -> UnitMap:
        """Return the map in an answer of the engine about a text of `tokens` tokens. Raises ValueError."""
        coded = base64.b64decode(answer["map"])
        figures = {name: tuple(answer[name]) for name in ("selectivity", "token", "spread", "slowness")}
        if len(coded) != tokens * len(figures["selectivity"]):
            raise ValueError("the map has another size")
        return cls(answer["part"], float(answer["scale"]), coded, **figures)

    def value(self, unit: int, token: int) -> float:
        """Return the value of `unit` at `token`."""
        byte = self.coded[unit * (len(self.coded) // len(self.selectivity)) + token]
        return (byte - 256 if byte > 127 else byte) * self.scale

    def sorted_units(self, order: str) -> list[int]:
        """Return the units in one of UNIT_ORDERS."""
        figures = {"selective": self.selectivity, "slow": self.slowness, "active": self.spread}.get(order)
        units = range(len(self.selectivity))
        return list(units) if figures is None else sorted(units, key=lambda unit: (-figures[unit], unit))

    def most_selective(self) -> int | None:
        """Return the unit that one token sets apart most; None where no token occurs often enough."""
        unit = max(range(len(self.selectivity)), key=self.selectivity.__getitem__, default=None)
        return unit if unit is not None and self.selectivity[unit] > 0 and self.token[unit] else None

    def means(self, unit: int, pieces: Sequence[str]) -> tuple[float, float]:
        """Return the mean of a unit at its token, and at all others, in a text of these pieces; NaN without any."""
        split: tuple[list[float], list[float]] = ([], [])
        for token, piece in enumerate(pieces):
            split[piece != self.token[unit]].append(self.value(unit, token))
        first, others = (sum(values) / len(values) if values else math.nan for values in split)
        return first, others

    def figure(self, unit: int, order: str) -> str:
        """Return the figure that `order` sorts by."""
        if order == "slow":
            return f"{self.slowness[unit]:.2f}"
        if order == "active":
            return f"{self.spread[unit]:.2f}"
        piece = printable(self.token[unit])[:6] if self.token[unit] else "–"
        return f"{self.selectivity[unit]:.1f} {'␣' if piece == ' ' else piece}"
