"""The loss of training and validation, in braille: zoomed, smoothed, on a log axis, with what happened marked on it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.widgets.braille import curve, ticks
from lstmtui.tui.widgets.series import (
    SMOOTHINGS,
    X_AXES,
    Axis,
    Mark,
    Point,
    log_ticks,
    marks,
    readout,
    said_place,
    smoothed,
    within,
    y_range,
)

LEAST_SPAN = 1 / 500
"""The smallest part of the whole curve that zooming shows."""


class LossChart(Widget, can_focus=True):
    """Training as a thin line, validation as diamonds on a line of its own, so that both are told without colour."""

    HELP: ClassVar[str] = (
        "The chart has the focus: left and right look at points, + and - zoom, escape shows all again."
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--train", "chart--raw", "chart--valid", "chart--axis", "chart--words", "chart--mark", "chart--cursor",
    }  # fmt: skip
    DEFAULT_CSS = """
    LossChart {
        height: 1fr;
        width: 1fr;
        & > .chart--train { color: $primary; }
        & > .chart--raw { color: $primary 45%; }
        & > .chart--valid { color: $warning; text-style: bold; }
        & > .chart--axis { color: $foreground 45%; }
        & > .chart--words { color: $foreground 75%; }
        & > .chart--mark { color: $success; }
        & > .chart--cursor { color: $foreground; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left,h", "move(-1)", "Left", "chart.left", "Look at the point before"),
        bind("right", "move(1)", "Right", "chart.right", "Look at the point after"),
        bind("shift+left,H", "move(-10)", "Far left", "chart.far-left", ""),
        bind("shift+right,L", "move(10)", "Far right", "chart.far-right", ""),
        bind("home", "edge(0)", "First", "chart.first", ""),
        bind("end", "edge(1)", "Last", "chart.last", ""),
        bind("escape", "leave", "Leave", "chart.leave", ""),
    ]

    snapshot: reactive[RunSnapshot | None] = reactive(None, always_update=True)
    """What to draw; frozen."""
    bits: reactive[bool] = reactive(False)
    """Draw bits per character instead of nats per token, where the tokens can be told in characters."""
    logarithmic: reactive[bool] = reactive(False)
    """Draw the logarithm of the loss."""
    smoothing: reactive[float] = reactive(0.0)
    """One of SMOOTHINGS."""
    x_axis: reactive[str] = reactive("step")
    """One of X_AXES."""
    zoom: reactive[tuple[float, float] | None] = reactive(None)
    """The part of the axis that is looked at; None for all."""
    cursor: reactive[float | None] = reactive(None)
    """The place on the axis that is told in figures."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._drawn: tuple[object, ...] = ()
        self._plot = (0, 0, (0.0, 1.0))
        """Margin, columns and x range of what was painted last, for the mouse."""

    def watch_snapshot(self, snapshot: RunSnapshot | None) -> None:
        self._drawn = ()

    def watch_x_axis(self) -> None:
        self.zoom = self.cursor = None

    # --- what is shown --------------------------------------------------------------------------------------------

    def scale(self) -> float:
        """Return what turns nats per token into what the axis shows."""
        if not self.bits or self.snapshot is None:
            return 1.0
        ratios = [p.bits_per_char / p.value for p in self.snapshot.valid[-1:] if p.bits_per_char and p.value > 0]
        return ratios[0] if ratios else 1.0

    def can_show_bits(self) -> bool:
        return self.snapshot is not None and any(p.bits_per_char and p.value > 0 for p in self.snapshot.valid[-1:])

    def unit(self) -> str:
        """Return what the axis shows, in words."""
        if self.bits and self.can_show_bits():
            return "bits per character"
        return f"nats per {wording.unit(self.snapshot)}" if self.snapshot else "nats"

    def ways(self) -> str:
        """Return how the curve is drawn where it is not the usual way, in words."""
        said = ["log"] if self.logarithmic else []
        said += [f"smoothed {self.smoothing:g}"] if self.smoothing else []
        said += [f"by {self.x_axis}"] if self.x_axis != "step" else []
        return "".join(f", {way}" for way in (*said, *(["zoomed"] if self.zoom else [])))

    # --- keys and mouse -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave":
            return self.cursor is not None or self.zoom is not None
        return True

    def cycle_smoothing(self) -> None:
        self.smoothing = SMOOTHINGS[(SMOOTHINGS.index(self.smoothing) + 1) % len(SMOOTHINGS)]

    def cycle_x_axis(self) -> None:
        self.x_axis = X_AXES[(X_AXES.index(self.x_axis) + 1) % len(X_AXES)]

    def zoom_by(self, factor: float, around: float | None = None) -> None:
        """Look at `factor` times as much of the axis, around a place, or the cursor, or the right end."""
        whole = self._whole()
        if whole <= 0:
            return
        low, high = self.zoom or (0.0, whole)
        centre = around if around is not None else self.cursor if self.cursor is not None else high
        part = (centre - low) / (high - low) if high > low else 1.0
        span = min(whole, max(whole * LEAST_SPAN, (high - low) * factor))
        start = min(max(0.0, centre - part * span), whole - span)
        self.zoom = None if span >= whole else (start, start + span)

    def action_move(self, columns: int) -> None:
        """Move the cursor by so many columns, and what is looked at along with it."""
        _, cols, (low, high) = self._plot
        if self.snapshot is None or not self.snapshot.train or cols < 2:
            return
        step = (high - low) / (cols - 1)
        at = (high if self.cursor is None else self.cursor + columns * step) if self._whole() else 0.0
        self.cursor = min(max(0.0, at), self._whole())
        if self.zoom is not None and not low <= self.cursor <= high:
            shift = self.cursor - (low if self.cursor < low else high)
            self.zoom = (low + shift, high + shift)

    def action_edge(self, end: int) -> None:
        low, high = self.zoom or (0.0, self._whole())
        self.cursor = high if end else low

    def action_leave(self) -> None:
        self.cursor = self.zoom = None

    def on_click(self, event: events.Click) -> None:
        place = self._place_under(event.x)
        if place is not None:
            self.cursor = place

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.zoom_by(0.8, self._place_under(event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.zoom_by(1.25, self._place_under(event.x))

    def _place_under(self, column: int) -> float | None:
        margin, cols, (low, high) = self._plot
        if cols < 2 or not margin <= column < margin + cols:
            return None
        return low + (high - low) * (column - margin) / (cols - 1)

    def _whole(self) -> float:
        """Return where the axis ends."""
        seen = self.snapshot
        if seen is None:
            return 0.0
        axis = Axis(seen, self.x_axis)
        ends = [axis.place(p) for p in seen.train[-1:]] + [axis.of_step(p.step) for p in seen.valid[-1:]]
        return max(ends, default=0.0)

    # --- drawing --------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        key = (
            width, height, self.bits, self.logarithmic, self.smoothing, self.x_axis, self.zoom, self.cursor,
            self.rich_style,
        )  # fmt: skip
        if key != self._drawn:
            self._drawn = key
            self._strips = self._draw(width, height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        seen, factor = self.snapshot, self.scale()
        self._plot = (0, 0, (0.0, 1.0))
        if seen is None:
            return self._say("Reading the run …", width, height)
        axis = Axis(seen, self.x_axis)
        raw = [(axis.place(p), p.loss * factor) for p in seen.train]
        valid = [(axis.of_step(p.step), p.value * factor) for p in seen.valid]
        raw = [p for p in raw if math.isfinite(p[1]) and (p[1] > 0 or not self.logarithmic)]
        valid = within([p for p in valid if math.isfinite(p[1]) and (p[1] > 0 or not self.logarithmic)], self.zoom)
        train = within(smoothed(raw, self.smoothing), self.zoom)
        raw = within(raw, self.zoom) if self.smoothing else []
        if len(train) + len(valid) == 0 or width < 12 or height < 3:
            return self._say(wording.waiting(seen) if not self.zoom else "Nothing here.", width, height)
        happened = [m for m in marks(seen, axis) if self.zoom is None or self.zoom[0] <= m.x <= self.zoom[1]]
        top = int(height >= 7 and (self.cursor is not None or any(m.strong for m in happened)))
        rows = height - 1 - top
        low, high = y_range(train, valid)
        if self.logarithmic:
            low = max(low, 0.9 * min(y for _, y in (*train, *valid)))
        labels = self._labels(low, high, rows)
        margin = max((len(label) for label in labels.values()), default=0) + 1
        cols = width - margin
        x_range = self.zoom or (0.0, max(self._whole(), 1e-9))
        self._plot = (margin, cols, x_range)

        def grid(points: list[Point]) -> list[list[int]]:
            drawn = [(x, self._height(y)) for x, y in points]
            return curve(drawn, x_range, (self._height(low), self._height(high)), cols, rows)

        layers = [(grid(train), self._style("train")), (grid(raw), self._style("raw"))]
        layers.append((grid(valid), self._style("valid")))
        placed = [(x, self._height(y)) for x, y in valid]
        diamonds = _diamonds(placed, x_range, (self._height(low), self._height(high)), cols, rows)
        columns = {_column(m.x, x_range, cols): m for m in happened if m.strong}
        lines = {column: ("┊", self._style("mark")) for column in columns}
        if self.cursor is not None and x_range[0] <= self.cursor <= x_range[1]:
            lines[_column(self.cursor, x_range, cols)] = ("│", self._style("cursor"))
        strips = [self._top(columns, margin, cols)] if top else []
        for row in range(rows):
            label = labels.get(row, "")
            left = Segment(f"{label:>{margin - 1}}{'┤' if label else '│'}", self._style("axis"))
            cells = self._cells([(g[row], style) for g, style in layers], diamonds.get(row, {}), lines)
            strips.append(Strip([left, *cells], width))
        saves = {_column(m.x, x_range, cols) for m in happened if not m.strong}
        bottom = _bottom(margin, cols, x_range, self.x_axis, saves)
        strips.append(Strip([Segment(bottom, self._style("axis"))], width))
        if self.cursor is not None and not top and strips:
            strips[0] = self._top({}, margin, cols)
        return strips

    def _labels(self, low: float, high: float, rows: int) -> dict[int, str]:
        """Return the numbers beside the axis by row."""
        most = max(2, (rows + 1) // 2)
        values = log_ticks(low, high, most) if self.logarithmic else ticks(low, high, most)
        gap = min((b - a for a, b in pairwise(values)), default=0.01)
        digits = min(6, max(0, -math.floor(math.log10(gap) + 1e-9))) if gap > 0 else 2
        bottom, top = self._height(low), self._height(high)
        return {_row(self._height(v), bottom, top, rows): f"{v:.{digits}f}" for v in values}

    def _height(self, value: float) -> float:
        return math.log(value) if self.logarithmic else value

    def _top(self, columns: dict[int, Mark], margin: int, cols: int) -> Strip:
        """Return the row above the plot: what is under the cursor, or else the marks with their names."""
        width = margin + cols
        if self.cursor is not None and self.snapshot is not None:
            axis = Axis(self.snapshot, self.x_axis)
            said = readout(self.snapshot, axis, self.cursor, self.scale())
            return Strip([Segment(said[:width].ljust(width), self._style("cursor"))], width)
        line = [" "] * width
        free = width
        for column in sorted(columns, reverse=True):  # the newest has its name in full
            said = f"▼{columns[column].said}"
            start = margin + column
            if start + len(said) > free:  # then its name stands before it
                said = f"{columns[column].said}▼"
                start = margin + column - len(said) + 1
            if start >= margin and start + len(said) <= free:
                line[start : start + len(said)] = said
                free = start - 1
            elif margin + column < free:
                line[margin + column] = "▼"
                free = margin + column
        return Strip([Segment("".join(line), self._style("mark"))], width)

    def _cells(
        self,
        layers: list[tuple[list[int], Style]],
        diamonds: dict[int, str],
        lines: dict[int, tuple[str, Style]],
    ) -> list[Segment]:
        """Return one row of the plot: diamonds above the layers, the first layer on top, lines where all is blank."""
        base, valid = self.rich_style, layers[-1][1]
        segments: list[Segment] = []
        run, style = "", base
        for column in range(len(layers[0][0])):
            if column in diamonds:
                character, wanted = diamonds[column], valid
            else:
                character, wanted = " ", style
                for masks, colour in layers:
                    if masks[column]:
                        character, wanted = chr(0x2800 + masks[column]), colour
                        break
                else:
                    if column in lines:
                        character, wanted = lines[column]
            if wanted is not style and run:
                segments.append(Segment(run, style))
                run = ""
            style = wanted
            run += character
        segments.append(Segment(run, style))
        return segments

    def _say(self, text: str, width: int, height: int) -> list[Strip]:
        lines = text.splitlines()[: max(1, height)]
        above = max(0, (height - len(lines)) // 2)
        style = self._style("words")
        said = [Strip([Segment(line[:width].center(width), style)], width) for line in lines]
        return [Strip.blank(width, self.rich_style)] * above + said

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}")


def _row(value: float, low: float, high: float, rows: int) -> int:
    return min(rows - 1, max(0, round((high - value) / (high - low) * (4 * rows - 1)) // 4))


def _column(x: float, x_range: tuple[float, float], cols: int) -> int:
    part = (x - x_range[0]) / (x_range[1] - x_range[0])
    return min(cols - 1, max(0, round(part * (cols - 1))))


def _diamonds(
    points: list[Point], x_range: tuple[float, float], y_range: tuple[float, float], cols: int, rows: int
) -> dict[int, dict[int, str]]:
    """Return diamonds by row and column, at least three columns apart, the newest always among them."""
    placed: dict[int, dict[int, str]] = {}
    taken = cols + 3
    for x, y in reversed(points):
        column = _column(x, x_range, cols)
        if taken - column >= 3:
            placed.setdefault(_row(y, *y_range, rows), {})[column] = "◆"
            taken = column
    return placed


def _bottom(margin: int, cols: int, x_range: tuple[float, float], kind: str, saves: set[int]) -> str:
    """Return the horizontal axis with its numbers written into the line, and a tick where a checkpoint was saved."""
    line = list(" " * (margin - 1) + "└" + "─" * cols)
    for column in saves:
        line[margin + column] = "┴"
    free = margin
    for value in ticks(*x_range, max(2, cols // 14)):
        text = said_place(value, kind)
        at = margin + _column(value, x_range, cols)
        start = min(max(margin, at - len(text) // 2), margin + cols - len(text))
        if start >= free and value > 0:
            line[start : start + len(text)] = text
            free = start + len(text) + 1
    return "".join(line[: margin + cols])
