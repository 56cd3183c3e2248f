"""How saturated the gates are: one row a layer and gate, by unit or by training time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.runs.reader import Saturation
from lstmtui.text import one_line

LEFT = "·⠂⠒⠶⠿"
"""From nothing to always below 0.1: dots, since the gate is shut."""
RIGHT = "·░▒▓█"
"""From nothing to always above 0.9: shades, since the gate is open."""
LEVELS = (0.05, 0.25, 0.5, 0.75)
NUMBERS = 10
"""Columns that the two fractions of a row take."""
VIEWS = ("units", "time")


class GateMap(Widget):
    """A heat map that can be read without colour: dots for shut, shades for open, and both fractions as numbers."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"gates--left", "gates--right", "gates--label", "gates--none"}
    DEFAULT_CSS = """
    GateMap {
        height: auto;
        width: 1fr;
        & > .gates--left { color: $primary; }
        & > .gates--right { color: $warning; }
        & > .gates--label { color: $foreground 80%; }
        & > .gates--none { color: $foreground 25%; }
    }
    """

    probes: reactive[tuple[Saturation, ...]] = reactive((), always_update=True, layout=True)
    """Oldest first; the newest is drawn by unit, from the most open to the most shut, all of them by time."""
    view: reactive[str] = reactive("units", layout=True)
    """One of VIEWS."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._rows: list[Strip] = []
        self._drawn: tuple[object, ...] = ()

    def watch_probes(self) -> None:
        self._drawn = ()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        if not self.probes:
            return 2
        layers, gates = self.probes[-1].left.shape[:2]
        return int(layers * gates)

    def render_line(self, y: int) -> Strip:
        key = (self.size.width, self.view, self.rich_style)
        if key != self._drawn:
            self._drawn = key
            self._rows = self._draw(self.size.width)
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self.rich_style)

    def _draw(self, width: int) -> list[Strip]:
        if not self.probes:
            style = self._style("label")
            said = ("No probe yet: one follows", "with the first evaluation.")
            return [Strip([Segment(f" {line}"[:width].ljust(width), style)], width) for line in said]
        newest = self.probes[-1]
        label = len(str(newest.left.shape[0])) + 3
        numbers = width >= label + NUMBERS + 6
        cols = max(0, width - label - (NUMBERS if numbers else 0))
        return [
            self._row(layer, gate, newest, (label, cols, width), numbers)
            for layer in range(newest.left.shape[0])
            for gate in range(newest.left.shape[1])
        ]

    def _row(self, layer: int, gate: int, newest: Saturation, widths: tuple[int, int, int], numbers: bool) -> Strip:
        label, cols, width = widths
        if self.view == "time":
            same = [p for p in self.probes if p.left.shape == newest.left.shape]
            left = _shares([float(p.left[layer, gate].mean()) for p in same], cols)
            right = _shares([float(p.right[layer, gate].mean()) for p in same], cols)
        else:
            # Like beside like: the mean over neighbours by number would hide every unit that stands out.
            order = (newest.left[layer, gate] - newest.right[layer, gate]).argsort(kind="stable")
            left = _shares(newest.left[layer, gate][order].tolist(), cols)
            right = _shares(newest.right[layer, gate][order].tolist(), cols)
        name = one_line(newest.gates[gate], 1) if gate < len(newest.gates) else "?"
        segments = [Segment(f"{layer + 1}·{name} ".rjust(label), self._style("label"))]
        segments += self._cells(left, right)
        if numbers:
            shut, opened = newest.left[layer, gate].mean(), newest.right[layer, gate].mean()
            segments.append(Segment(f" {_percent(shut)}", self._style("left")))
            segments.append(Segment(f" {_percent(opened)}", self._style("right")))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _cells(self, left: Sequence[float], right: Sequence[float]) -> list[Segment]:
        segments: list[Segment] = []
        for low, high in zip(left, right, strict=True):
            character, name = (LEFT[_level(low)], "left") if low > high else (RIGHT[_level(high)], "right")
            style = self._style(name if character != "·" else "none")
            if segments and segments[-1].style == style:
                segments[-1] = Segment(segments[-1].text + character, style)
            else:
                segments.append(Segment(character, style))
        return segments

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"gates--{name}")


def _level(value: float) -> int:
    return sum(value >= level for level in LEVELS)


def _percent(value: Any) -> str:
    return f"{100 * float(value):3.0f}%"


def _shares(values: Sequence[float], cols: int) -> list[float]:
    """Return `cols` numbers for a row: the mean of each share, or each value stretched where there are few."""
    if not values or cols < 1:
        return []
    size = len(values)
    shares = []
    for i in range(cols):
        first = size * i // cols
        share = values[first : max(first + 1, size * (i + 1) // cols)]
        shares.append(sum(share) / len(share))
    return shares
