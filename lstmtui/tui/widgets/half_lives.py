"""Histogram of the half-lives of each layer's units: after how many steps half of a memory is forgotten."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.tui.widgets.braille import horizontal_bar

EDGES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Steps at which one bin ends and the next begins."""
BIN_NAMES = ("<1", "1", "2", "4", "8", "16", "32", "64", "128+")


class HalfLives(Widget):
    """A row for each bin, a bar and a percentage for each layer."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"half--bar", "half--label"}
    DEFAULT_CSS = """
    HalfLives {
        height: auto;
        width: 1fr;
        & > .half--bar { color: $primary; }
        & > .half--label { color: $foreground 75%; }
    }
    """

    values: reactive[Any] = reactive(None, layout=True, always_update=True)
    """(L, H) in steps; None or (L, 0) where there are none."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 if self._empty() else len(BIN_NAMES) + 1

    def _empty(self) -> bool:
        return self.values is None or self.values.size == 0

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        label = self._style("label")
        if self._empty():
            text = "" if self.values is None else "This cell has no forget gate."
            return Strip([Segment(text[:width].ljust(width) if y == 0 else " " * width, label)], width)
        layers = len(self.values)
        column = max(6, (width - 6) // layers)
        if y == 0:
            head = "steps " + "".join(f"layer {k + 1}".ljust(column) for k in range(layers))
            return Strip([Segment(head[:width], label)]).adjust_cell_length(width, self.rich_style)
        if y > len(BIN_NAMES):
            return Strip.blank(width, self.rich_style)
        segments = [Segment(f"{BIN_NAMES[y - 1]:>5} ", label)]
        for shares in (bins(row) for row in self.values):
            share = shares[y - 1]
            room = column - 6
            segments.append(Segment(f"{100 * share:3.0f}% ", label))
            segments.append(Segment(horizontal_bar(share, max(0, room)).ljust(max(0, room) + 1), self._style("bar")))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"half--{name}")


def bins(values: Any) -> list[float]:
    """Return the share of `values` (H,) in each bin of BIN_NAMES."""
    counts = [0] * len(BIN_NAMES)
    for value in values:
        counts[sum(float(value) >= edge for edge in EDGES)] += 1
    return [count / max(1, len(values)) for count in counts]
