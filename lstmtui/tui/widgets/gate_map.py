"""Saturation of the gates in five views: two overviews, units by training time, units by character, and a scatter."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.runs.snapshot import Saturation
from lstmtui.tui.messages import GateWindow
from lstmtui.tui.widgets import gate_views, ramps, shades
from lstmtui.tui.widgets.gate_views import Row

VIEWS = ("units", "time", "history", "window", "scatter")
ONE_GATE_VIEWS = ("history", "window", "scatter")
"""Views of one gate, which use the whole panel."""
SWATCHES = 5
"""Colours of a ramp in the legend."""
MIN_DETAIL_ROWS = 6
"""Free rows below an overview from which on it also shows the chosen gate by training time."""


class GateMap(Widget):
    """A heat map of both fractions, as colours and as numbers; without colours, dots for shut and shades for open."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "gates--left", "gates--right", "gates--label", "gates--none", "gates--axis",
    }  # fmt: skip
    DEFAULT_CSS = """
    GateMap {
        height: auto;
        width: 1fr;
        & > .gates--left { color: $primary; }
        & > .gates--right { color: $warning; }
        & > .gates--label { color: $foreground 80%; }
        & > .gates--none { color: $foreground 25%; }
        & > .gates--axis { color: $foreground 60%; }
    }
    """

    probes: reactive[tuple[Saturation, ...]] = reactive((), always_update=True, layout=True)
    """Oldest first; the view by unit draws the newest, the view by training time all of them."""
    window: reactive[GateWindow | None] = reactive(None, always_update=True)
    """The newest activations over a window."""
    view: reactive[str] = reactive("units", layout=True)
    """One of VIEWS."""
    chosen: reactive[int] = reactive(0)
    """The layer and gate of the views of one gate: layer * gates + gate."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._rows: list[Strip] = []
        self._drawn: tuple[object, ...] = ()

    def watch_probes(self) -> None:
        self._drawn = ()

    def watch_window(self) -> None:
        self._drawn = ()

    def validate_chosen(self, chosen: int) -> int:
        return chosen % self._count()

    def _count(self) -> int:
        shape = self.probes[-1].left.shape if self.probes else (1, 1)
        return max(1, int(shape[0] * shape[1]))

    def place(self) -> tuple[int, int]:
        """Return the layer and the gate of the views of one gate."""
        gates = self.probes[-1].left.shape[1] if self.probes else 1
        layer, gate = divmod(self.chosen % self._count(), max(1, gates))
        return int(layer), int(gate)

    def title(self) -> str:
        """Return the title of the view."""
        if self.view in ("units", "time") or not self.probes:
            return f"Gates by {'training time' if self.view == 'time' else 'unit, most open first'}"
        newest, (layer, gate) = self.probes[-1], self.place()
        if self.view == "scatter":
            return f"Gate {gate_views.gate_name(newest.gates, gate)}, each unit"
        short = self.size.width < 60
        chosen = gate_views.chosen_gate(newest, layer, gate, short=short)
        units = "by" if short and newest.layer_names else "units by"
        if self.view == "window":
            at = f", step {self.window.step:,}" if self.window else ""
            return f"{chosen}: {units} {'token' if newest.layer_names else 'character'}{at}"
        return f"{chosen}: {units} training time"

    def _cells(self) -> str:
        """Return the characters of shut gates, or COLOURS on a terminal that has them."""
        app = self.app
        plain = app.no_color or app.current_theme.ansi or getattr(app, "charset", "ascii") == "ascii"
        return shades.dots(self) if plain else gate_views.COLOURS

    def legend(self) -> Content:
        """Return the meaning of the cells."""
        shut = shades.dots(self)[3:]
        if self.view == "scatter":
            return Content("[ ] gate")
        one_gate = self.view in ONE_GATE_VIEWS or self._has_room(self.size.height)
        pick = "" if not one_gate else "[ ] gate  " if self.size.width >= 40 else "[ ]  "
        gates = self.probes[-1].gates if self.probes else ()
        below, above = gate_views.shut_below(gates), gate_views.OPEN
        if self.view in ONE_GATE_VIEWS and self.probes:
            low, above = gate_views.saturates_beyond(gates, self.place()[1])
            if not math.isfinite(low):
                return Content(f"{pick}{shut} low  ▓█ high: never saturated")
            below = f"<{low}"
        if self._cells() == gate_views.COLOURS and self.view != "window":
            return self._ramps(pick, below, above)
        full = f"{pick}{shut} shut {below}  ▓█ open >{above}"
        return Content(full if len(full) <= self.size.width - 4 else f"{pick}{shut} {below}  ▓█ >{above}")

    def _ramps(self, pick: str, below: str, above: float) -> Content:
        """Return the meaning of the colours: from never to always in the upper and the lower half of a cell."""
        room = self.size.width - 6
        low, high = (f"shut {below} ", f"  open >{above} ")
        if len(f"{pick}{low}{high}") + 2 * SWATCHES > room:
            pick, low, high = "", f"{below} ", f" >{above} "
        parts: list[Content] = []
        for text, side in ((f"{pick}▀ {low}", "left"), (f"{high.replace('  ', '  ▄ ')}", "right")):
            parts.append(Content(text))
            colours = ramps.ramp(side, dark=self.app.current_theme.dark)
            steps = [colours[(len(colours) - 1) * n // (SWATCHES - 1)] for n in range(SWATCHES)]
            parts += [Content.styled(" ", f"on rgb({r},{g},{b})") for r, g, b in steps]
        return Content("").join(parts)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        if not self.probes:
            return 2
        if self.view in ONE_GATE_VIEWS:
            return max(3, container.height)
        rows = self._count()
        return container.height if container.height - rows >= MIN_DETAIL_ROWS else rows

    def _has_room(self, height: int) -> bool:
        """Return whether an overview leaves room for the chosen gate."""
        return bool(self.probes) and height - self._count() >= MIN_DETAIL_ROWS

    def render_line(self, y: int) -> Strip:
        key = (self.size, self.view, self.chosen, self.rich_style, self.app.theme)
        if key != self._drawn:
            self._drawn = key
            self._rows = [self._strip(row) for row in self._draw(*self.size)]
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Row]:
        if not self.probes:
            return _message(width, "No probe yet: one follows", "with the first evaluation.")
        newest, dots, (layer, gate) = self.probes[-1], self._cells(), self.place()
        if self.view == "scatter":
            return gate_views.scatter(newest, gate, width, height)
        if self.view == "history":
            return gate_views.by_training_time(self.probes, layer, gate, width, height, dots)
        if self.view == "window":
            window = self.window
            # One of another network, of a run that was begun by an older version, has other layers.
            fits = window is not None and window.layer_names == newest.layer_names
            if window is None or not fits or layer >= window.values.shape[0] or gate >= window.values.shape[1]:
                return _message(width, "No window yet: one follows", "with the next evaluation.")
            return gate_views.by_time_step(window, layer, gate, width, height, shades.dots(self))
        rows = gate_views.overview(self.probes, width, by_time=self.view == "time", dots=dots)
        if self._has_room(height):
            chosen = gate_views.chosen_gate(newest, layer, gate, short=width < 60).removeprefix("Gate ")
            rows.append([(f"{chosen}: units by training time".ljust(width, "─")[:width], "axis")])
            rows += gate_views.by_training_time(self.probes, layer, gate, width, height - len(rows), dots)
        return rows

    def _strip(self, row: Row) -> Strip:
        segments = [Segment(text, self._style(style)) for text, style in row]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        low, slash, high = name.partition("/")
        if not slash:
            return self.get_component_rich_style(f"gates--{name}")
        dark = self.app.current_theme.dark
        above, below = ramps.ramp("left", dark=dark)[int(low)], ramps.ramp("right", dark=dark)[int(high)]
        return Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))


def _message(width: int, *lines: str) -> list[Row]:
    return [[(f" {line}"[:width].ljust(width), "label")] for line in lines]
