"""Saturation of the gates in six views: two overviews, and of one gate the units and the distribution of values by
training time, the units by character, and a scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.runs.snapshot import Saturation
from lstmtui.tui.messages import GateWindow
from lstmtui.tui.widgets import gate_history, gate_views, ramps, shades
from lstmtui.tui.widgets.gate_history import Place, UnitsByTime
from lstmtui.tui.widgets.gate_views import Overview, Row

VIEWS = ("units", "time", "history", "distribution", "window", "scatter")
ONE_GATE_VIEWS = ("history", "distribution", "window", "scatter")
"""Views of one gate, which use the whole panel."""
SWATCHES = 5
"""Colours of a ramp in the legend."""
MIN_DETAIL_ROWS = 5
"""Free rows below an overview from which on it also shows the chosen gate by training time."""


class GateMap(Widget):
    """A heat map of both fractions, as colours and as numbers; without colours, dots for shut and shades for open."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "gates--left", "gates--right", "gates--label", "gates--none", "gates--axis", "gates--chosen",
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
        & > .gates--chosen { color: $foreground; text-style: bold; }
    }
    """

    class UnitOpened(Message):
        """A unit is to be inspected."""

        def __init__(self, layer: int, unit: int) -> None:
            super().__init__()
            self.layer, self.unit = layer, unit

    probes: reactive[tuple[Saturation, ...]] = reactive((), always_update=True, layout=True)
    """Oldest first; the view by unit draws the newest, the view by training time all of them."""
    window: reactive[GateWindow | None] = reactive(None, always_update=True)
    """The newest activations over a window."""
    view: reactive[str] = reactive("units", layout=True)
    """One of VIEWS."""
    chosen: reactive[int] = reactive(0)
    """The layer and gate of the views of one gate: layer * gates + gate."""
    planned: reactive[int] = reactive(0)
    """Steps of a run that goes on; 0 for one that has ended."""
    pointed: reactive[Place | None] = reactive(None)
    """What the mouse or the cursor is on."""
    marked: reactive[int | None] = reactive(None)
    """A step that has a mark on the axis: that of the cursor of the loss chart."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._rows: list[Strip] = []
        self._drawn: tuple[object, ...] = ()
        self._ordered: tuple[object, list[int]] = (None, [])
        """The order of units, and what it was made for."""
        self._overview: Overview | None = None
        self._columns: Sequence[int] | None = None
        """Which probes the columns of the overview show; None where they are units."""
        self._map: tuple[int, UnitsByTime] | None = None
        """The row at which the map of the chosen gate begins, and the map."""
        self._cursor: tuple[int, int] | None = None
        """The column and the slot of the map on which the cursor is."""

    def watch_probes(self) -> None:
        self._drawn = ()

    def watch_window(self) -> None:
        self._drawn = ()

    def watch_view(self) -> None:
        self._cursor = self.pointed = None

    watch_chosen = watch_view

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

    # --- words ----------------------------------------------------------------------------------------------------

    def title(self) -> str:
        """Return the title of the view, or what is pointed at."""
        if self.pointed is not None:
            return gate_history.reading(self.pointed, short=self.size.width < 60)
        if self.view in ("units", "time") or not self.probes:
            return f"Gates by {'training time' if self.view == 'time' else 'unit, most open first'}"
        newest, (layer, gate) = self.probes[-1], self.place()
        if self.view == "scatter":
            return f"Gate {gate_views.gate_name(newest.gates, gate)}, each unit"
        short = self.size.width < 60
        chosen = gate_views.chosen_gate(newest, layer, gate, short=short)
        if self.view == "distribution":
            return f"{chosen}: values by training time"
        units = "by" if short and newest.layer_names else "units by"
        if self.view == "window":
            at = f", step {self.window.step:,}" if self.window else ""
            return f"{chosen}: {units} {'token' if newest.layer_names else 'character'}{at}"
        averaged = gate_history.averaged(newest.left.shape[2], self.size.height, self._cells())
        title = f"{chosen}: {units} training time"
        full = f"{title}, {averaged}" if averaged else title
        return full if len(full) <= self.size.width - 4 else title

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
        if self.view == "distribution":
            return self._bands(pick)
        gates = self.probes[-1].gates if self.probes else ()
        below, above = gate_views.shut_below(gates), gate_views.OPEN
        if self.view in ONE_GATE_VIEWS and self.probes:
            low, above = gate_views.saturates_beyond(gates, self.place()[1])
            if not math.isfinite(low):
                return Content(f"{pick}{shut} low  ▓█ high: never saturated")
            below = f"<{low}"
        if self._cells() == gate_views.COLOURS:
            return self._ramps(pick, below, above)
        full = f"{pick}{shut} shut {below}  ▓█ open >{above}"
        return Content(full if len(full) <= self.size.width - 4 else f"{pick}{shut} {below}  ▓█ >{above}")

    def _ramps(self, pick: str, below: str, above: float) -> Content:
        """Return the meaning of the colours: from never to always in both halves of a cell, and of their mixture."""
        room = self.size.width - 6
        mixes = self.view == "history" or (self.view in ("units", "time") and self._has_room(self.size.height))
        low, high, flips = f"shut {below} ", f"  open >{above} ", "  flips " if mixes else ""
        if len(f"{pick}{low}{high}{flips}") + 2 * SWATCHES + 2 * mixes > room:
            pick = ""
        if len(f"{pick}{low}{high}{flips}") + 2 * SWATCHES + 2 * mixes > room:
            low, high, flips = f"{below} ", f" >{above} ", ""
        dark = self.app.current_theme.dark
        halves = ("", "") if self.view in ONE_GATE_VIEWS else ("▀ ", "▄ ")
        parts: list[Content] = []
        for text, side in ((f"{pick}{halves[0]}{low}", "left"), (f"  {halves[1]}{high.lstrip()}", "right")):
            parts.append(Content(text))
            colours = ramps.ramp(side, dark=dark)
            parts += [self._swatch(colours[(len(colours) - 1) * n // (SWATCHES - 1)]) for n in range(SWATCHES)]
        if flips:
            half, full = ramps.level(0.3), ramps.level(0.5)
            parts += [Content(flips), *(self._swatch(ramps.mixed(at, at, dark=dark)) for at in (half, full))]
        return Content("").join(parts)

    def _bands(self, pick: str) -> Content:
        """Return the meaning of the bands: the part of the values that each has."""
        words = (("all ", 1), (" 87 % ", 2), (" 68 % ", 3), (" 38 % ", 4), (" median ", 5))
        if self._cells() != gate_views.COLOURS:
            return Content(pick + "".join(f"{text}{gate_history.PLAIN_BANDS[level]}" for text, level in words))
        dark = self.app.current_theme.dark
        named = [part for text, level in words for part in (Content(text), self._swatch(ramps.band(level, dark=dark)))]
        return Content("").join([Content(pick), *named])

    # --- mouse and cursor -----------------------------------------------------------------------------------------

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.pointed = self._place_at(event.x, event.y)

    def on_leave(self) -> None:
        self.pointed = self._map[1].at(*self._cursor) if self._map is not None and self._cursor is not None else None

    def on_click(self, event: events.Click) -> None:
        place = self._place_at(event.x, event.y)
        if place is None:
            return
        if event.chain > 1:
            self.open_unit()
        elif self._map is None or event.y < self._map[0]:
            self.chosen = place.layer * place.probe.left.shape[1] + place.gate
            self.pointed = place
        else:
            self._cursor = self._map[1].slot_at(event.x, event.y - self._map[0])
            self._point()

    def can_point(self) -> bool:
        """Return whether there is a map on which a cursor can move."""
        return self._map is not None

    def move_cursor(self, columns: int, slots: int) -> None:
        """Move the cursor over the map of the chosen gate; it begins at the newest probe of the first unit."""
        if self._map is None:
            return
        last, slot_count = self._map[1].extent()
        column, slot = self._cursor or (last - columns, -slots)
        self._cursor = min(max(0, column + columns), last), min(max(0, slot + slots), slot_count - 1)
        self._point()

    def _point(self) -> None:
        if self._map is not None and self._cursor is not None:
            self.pointed = self._map[1].at(*self._cursor)
            self._drawn = ()
            self.refresh()

    def has_cursor(self) -> bool:
        """Return whether the cursor is on the map."""
        return self._cursor is not None

    def leave(self) -> None:
        """Take the cursor away."""
        self._cursor, self.pointed, self._drawn = None, None, ()
        self.refresh()

    def open_unit(self) -> None:
        """Ask to inspect the unit that is pointed at."""
        if self.pointed is not None and len(self.pointed.units) > 0:
            self.post_message(self.UnitOpened(self.pointed.layer, self.pointed.units[0]))

    def _place_at(self, x: int, y: int) -> Place | None:
        """Return what is drawn at a cell of the widget."""
        if self._map is not None and y >= self._map[0]:
            place = self._map[1].slot_at(x, y - self._map[0])
            return None if place is None else self._map[1].at(*place)
        layout = self._overview
        if layout is None:
            return None
        row, column = y - layout.heads, x - layout.label
        if not (0 <= row < self._count() and 0 <= column < layout.cols):
            return None
        newest = self.probes[-1]
        layer, gate = divmod(row, newest.left.shape[1])
        if self._columns is None:
            order = gate_views.unit_order(newest, layer, gate)
            return Place(layer, gate, layout.unit_at(column, order), newest)
        at = self._columns[column]
        return None if at < 0 else Place(layer, gate, (), self.probes[at])

    # --- drawing --------------------------------------------------------------------------------------------------

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        if not self.probes:
            return 2
        if self.view in ONE_GATE_VIEWS:
            return max(3, container.height)
        rows = self._count()
        return container.height if self._has_room(container.height) else rows + (container.height - rows >= 2)

    def _has_room(self, height: int) -> bool:
        """Return whether an overview leaves room for the chosen gate."""
        return bool(self.probes) and height - self._count() >= MIN_DETAIL_ROWS

    def render_line(self, y: int) -> Strip:
        key = (self.size, self.view, self.chosen, self.planned, self.marked, self.rich_style, self.app.theme)
        if key != self._drawn:
            self._drawn = key
            self._rows = [self._strip(row) for row in self._draw(*self.size)]
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Row]:
        self._overview = self._map = self._columns = None
        if not self.probes:
            return _message(width, "No probe yet: one follows", "in the first minute.")
        newest, dots, (layer, gate) = self.probes[-1], self._cells(), self.place()
        if self.view == "scatter":
            return gate_views.scatter(newest, gate, width, height)
        if self.view == "history":
            return self._history(0, (width, height), dots)
        if self.view == "distribution":
            drawn = gate_history.distribution(self.probes, (layer, gate), self._end(), (width, height), dots)
            return drawn or _message(width, "This run has no distributions:", "an older version trained it.")
        if self.view == "window":
            window = self.window
            # One of another network, of a run that was begun by an older version, has other layers.
            fits = window is not None and window.layer_names == newest.layer_names
            if window is None or not fits or layer >= window.values.shape[0] or gate >= window.values.shape[1]:
                return _message(width, "No window yet: one follows", "with the next evaluation.")
            return gate_views.by_time_step(window, layer, gate, width, height, dots)
        layout = self._overview = Overview.of(newest, width, heads=height > self._count())
        if self.view == "time":
            self._columns = gate_history.columns_of([probe.step for probe in self.probes], self._end(), layout.cols)
        rows = gate_views.overview(self.probes, layout, by_time=self._columns, dots=dots, chosen=self.chosen)
        if self._has_room(height):
            rows.append([])
            rows += self._history(len(rows), (width, height - len(rows)), dots)
            rows[self._count() + 1] = [(self._head(width), "axis")]
        return rows

    def _head(self, width: int) -> str:
        """Return the line above the map of the chosen gate."""
        newest, (layer, gate) = self.probes[-1], self.place()
        rows = self.size.height - self._count() - 2
        averaged = gate_history.averaged(newest.left.shape[2], rows, self._cells())
        label = gate_views.gate_label(newest, layer, gate)
        short = gate_views.chosen_gate(newest, layer, gate, short=True).removeprefix("Gate ")
        units = f"units by training time{f', {averaged}' if averaged else ''}"
        said = (f"{label}: {units} ", f"{short}: {units} ", f"{short}: {averaged or 'units by training time'} ")
        return next((text for text in said if len(text) <= width), said[-1]).ljust(width, "─")[:width]

    def _end(self) -> int:
        return gate_history.axis_end(self.probes[-1].step, self.planned, ended=not self.planned)

    def _history(self, top: int, size: tuple[int, int], dots: str) -> list[Row]:
        """Return the map of the chosen gate, which begins at row `top`."""
        newest, place, end = self.probes[-1], self.place(), self._end()
        # While the map fills, rows stay where they are: those that change places cannot be followed.
        key = (place, end, newest.left.shape, not self.planned and newest.step)
        if self._ordered[0] != key:
            self._ordered = key, gate_views.unit_order(newest, *place)
        drawn = UnitsByTime(self.probes, place, self._ordered[1], end, size, dots)
        self._map = top, drawn
        return drawn.rows(self._cursor, self.marked)

    def _strip(self, row: Row) -> Strip:
        segments = [Segment(text, self._style(style)) for text, style in row if text]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        if not name:
            return self.rich_style
        upper, slash, lower = name.partition("/")
        if not slash and "+" not in name and not name[-1].isdigit():
            return self.get_component_rich_style(f"gates--{name}")
        if slash and upper.isdigit():
            upper, lower = f"{upper}+0", f"0+{lower}"
        above = Color.from_rgb(*self._colour(upper))
        if slash:
            return Style(color=above, bgcolor=Color.from_rgb(*self._colour(lower)))
        return self.rich_style + (Style(bgcolor=above) if "+" in name else Style(color=above))

    def _colour(self, name: str) -> ramps.RGB:
        """Return the colour of a mixture, such as 3+31, or of a band, such as b3."""
        dark = self.app.current_theme.dark
        left, _, right = name.partition("+")
        found = ramps.mixed(int(left), int(right), dark=dark) if right else ramps.band(int(name[1:]), dark=dark)
        return self._shown(found)

    def _shown(self, colour: ramps.RGB) -> ramps.RGB:
        """Return a colour as this terminal can show it."""
        return ramps.among_256(colour) if self.app.console.color_system == "256" else colour

    def _swatch(self, colour: ramps.RGB) -> Content:
        """Return a cell of this colour."""
        r, g, b = self._shown(colour)
        return Content.styled(" ", f"on rgb({r},{g},{b})")


def _message(width: int, *lines: str) -> list[Row]:
    return [[(f" {line}"[:width].ljust(width), "label")] for line in lines]
