"""The loss of training and validation: zoomed, smoothed, on a log axis, with events marked."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.runs.snapshot import RunSnapshot, TrainPoint
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.widgets import chart_rows, series
from lstmtui.tui.widgets.axes import (
    centered_text,
    column_of,
    diamonds_of,
    even_labels,
    mark_labels,
    marks_above,
    plot_row,
    row_of,
    x_axis,
)
from lstmtui.tui.widgets.braille import curve
from lstmtui.tui.widgets.series import SMOOTHINGS, X_AXES, Axis, Mark, Point, within

MIN_ZOOM = 1 / 500
"""The smallest part of the whole curve that zooming shows."""
MIN_WIDTH, MIN_HEIGHT = 12, 3
MIN_HEIGHT_OF_SAVES = 12
"""Rows from which on checkpoints have one of their own."""
MIN_WIDTH_OF_LEGEND = 50
"""Columns from which on the legend has the smoothing."""
GUIDE = 4
"""Columns between two dots of a guide."""


class LossChart(Widget, can_focus=True):
    """Training as a thin line, smoothed, below validation as diamonds on a line; to be told apart without colour."""

    HELP: ClassVar[str] = (
        "The chart has the focus: left and right move the cursor through all rows and the gates, + and - zoom, escape "
        "shows the whole curve again."
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--train", "chart--raw", "chart--valid", "chart--axis", "chart--text", "chart--mark", "chart--cursor",
        "chart--guide", "chart--row", "chart--ghost",
    }  # fmt: skip
    DEFAULT_CSS = """
    LossChart {
        height: 1fr;
        width: 1fr;
        & > .chart--train { color: $primary; }
        & > .chart--raw { color: $primary 45%; }
        & > .chart--valid { color: $warning; text-style: bold; }
        & > .chart--axis { color: $foreground 60%; }
        & > .chart--guide { color: $foreground 30%; }
        & > .chart--row { color: $primary 45%; }
        & > .chart--ghost { color: $warning 60%; }
        & > .chart--text { color: $foreground 75%; }
        & > .chart--mark { color: $success; }
        & > .chart--cursor { color: $foreground; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "move(-1)", "Left", "chart.left", "The point before the cursor"),
        bind("right", "move(1)", "Right", "chart.right", "The point after the cursor"),
        bind("far-left", "move(-10)", "Far left", "chart.far-left", ""),
        bind("far-right", "move(10)", "Far right", "chart.far-right", ""),
        bind("first", "edge(0)", "First", "chart.first", ""),
        bind("last", "edge(1)", "Last", "chart.last", ""),
        bind("back", "leave", "Leave", "chart.leave", ""),
    ]

    snapshot: reactive[RunSnapshot | None] = reactive(None, always_update=True)
    """The run that is drawn; frozen."""
    bits: reactive[bool] = reactive(False)
    """Draw bits per character instead of nats per token, where the characters of a token are known."""
    errors: reactive[bool] = reactive(False)
    """Draw the error rates of transcripts in place of the loss, where they are known."""
    logarithmic: reactive[bool | None] = reactive(None)
    """Draw the logarithm of the loss; None where it helps."""
    smoothing: reactive[float | None] = reactive(None)
    """One of SMOOTHINGS; None for one that follows from the number of points."""
    x_axis: reactive[str] = reactive("step")
    """One of X_AXES."""
    zoom: reactive[tuple[float, float] | None] = reactive(None)
    """The visible part of the axis; None for all of it."""
    cursor: reactive[float | None] = reactive(None)
    """The place on the axis whose figures are shown above the plot and beside it."""
    pointer: reactive[float | None] = reactive(None)
    """The place under the mouse, which comes before the cursor."""
    ghost: reactive[tuple[Point, ...]] = reactive(())
    """The learning rate that is expected from now on, by step; the axis goes to its end."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._drawn: tuple[object, ...] = ()
        self._log = False
        self._plot = (0, 0, (0.0, 1.0))
        """Margin, columns and x range of the last drawing, for the mouse."""

    def watch_snapshot(self, snapshot: RunSnapshot | None) -> None:
        self._drawn = ()

    def watch_x_axis(self) -> None:
        self.zoom = self.cursor = None

    # --- what is shown --------------------------------------------------------------------------------------------

    def scale(self) -> float:
        """Return the factor from nats per token to the unit of the axis."""
        if not self.bits or self.snapshot is None:
            return 1.0
        ratios = [p.bits_per_char / p.loss for p in self.snapshot.valid[-1:] if p.bits_per_char and p.loss > 0]
        return ratios[0] if ratios else 1.0

    def can_show_bits(self) -> bool:
        """Return whether bits per character are known."""
        return self.snapshot is not None and any(p.bits_per_char and p.loss > 0 for p in self.snapshot.valid[-1:])

    def can_show_errors(self) -> bool:
        """Return whether error rates are known."""
        return self.snapshot is not None and any(p.wer is not None for p in self.snapshot.valid)

    def title(self) -> str:
        """Return what is drawn, and the options that are not the defaults."""
        drawn = "Errors in percent" if self.errors and self.can_show_errors() else f"Loss, {self.unit()}"
        return drawn + self.options()

    def legend(self) -> str:
        """Return the meaning of the curves."""
        if self.errors and self.can_show_errors():
            return "⠤⠒ characters  ◇ words  ◆ best"
        weight = self.smoothing_in_force()
        smooth = f", smoothed {weight:g}" if weight and self.size.width >= MIN_WIDTH_OF_LEGEND else ""
        return f"⠤⠒ train{smooth}  ◇ valid  ◆ best"

    def is_logarithmic(self) -> bool:
        """Return whether the axis is logarithmic: as chosen, or where the highest loss is a multiple of the lowest."""
        if self.logarithmic is not None or self.snapshot is None:
            return bool(self.logarithmic)
        if self.errors and self.can_show_errors():
            return False
        return series.log_helps(
            within(series.losses(self.snapshot, Axis(self.snapshot, self.x_axis), self.scale()), self.zoom)
        )

    def smoothing_in_force(self) -> float:
        """Return the weight of the past: as chosen, or more of it for more points."""
        if self.smoothing is not None:
            return self.smoothing
        return series.usual_smoothing(len(self.snapshot.train) if self.snapshot is not None else 0)

    def unit(self) -> str:
        """Return the unit of the loss in words."""
        if self.bits and self.can_show_bits():
            return "bits per character"
        return wording.loss_unit(self.snapshot) if self.snapshot else "nats"

    def options(self) -> str:
        """Return the options of the drawing that are not the defaults, for the title."""
        chosen = ["log"] if self.is_logarithmic() else []
        chosen += [f"by {self.x_axis}"] if self.x_axis != "step" else []
        chosen += ["zoomed"] if self.zoom else []
        return "".join(f", {option}" for option in chosen)

    # --- keys and mouse -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave":
            return self.cursor is not None or self.zoom is not None
        return True

    def cycle_unit(self) -> None:
        """Draw the loss in nats, in bits, or error rates, as far as they are known."""
        modes = [(False, False), *([(True, False)] if self.can_show_bits() else [])]
        modes += [(False, True)] if self.can_show_errors() else []
        now = (self.bits, self.errors)
        self.bits, self.errors = modes[(modes.index(now) + 1) % len(modes) if now in modes else 0]

    def cycle_smoothing(self) -> None:
        """Smooth more, or not at all."""
        self.smoothing = SMOOTHINGS[(SMOOTHINGS.index(self.smoothing_in_force()) + 1) % len(SMOOTHINGS)]

    def cycle_x_axis(self) -> None:
        """Use the next kind of x axis."""
        self.x_axis = X_AXES[(X_AXES.index(self.x_axis) + 1) % len(X_AXES)]

    def zoom_by(self, factor: float, around: float | None = None) -> None:
        """Show `factor` times as much of the axis, around a place, the cursor, or the right end."""
        whole = self._whole()
        if whole <= 0:
            return
        low, high = self.zoom or (0.0, whole)
        centre = around if around is not None else self.cursor if self.cursor is not None else high
        part = (centre - low) / (high - low) if high > low else 1.0
        span = min(whole, max(whole * MIN_ZOOM, (high - low) * factor))
        start = min(max(0.0, centre - part * span), whole - span)
        self.zoom = None if span >= whole else (start, start + span)

    def action_move(self, columns: int) -> None:
        """Move the cursor by `columns`, and the visible part with it."""
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
        if (place := self._place_under(event.x)) is not None:
            self.cursor = place

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.pointer = self._place_under(event.x)

    def on_leave(self) -> None:
        self.pointer = None

    def step_at(self) -> int | None:
        """Return the step of the training point at the mouse or the cursor; None where neither is on the chart."""
        point = self._point()
        return None if point is None else point.step

    def show_step(self, step: int) -> None:
        """Put the cursor at a step."""
        if self.snapshot is not None:
            self.cursor = Axis(self.snapshot, self.x_axis).of_step(step)

    def _at(self) -> float | None:
        return self.cursor if self.pointer is None else self.pointer

    def _point(self) -> TrainPoint | None:
        """Return the training point that is nearest to the mouse or the cursor."""
        at, snapshot = self._at(), self.snapshot
        if at is None or snapshot is None or not snapshot.train:
            return None
        axis = Axis(snapshot, self.x_axis)
        return min(snapshot.train, key=lambda p: abs(axis.place(p) - at))

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
        """Return the end of the axis."""
        if (snapshot := self.snapshot) is None:
            return 0.0
        axis = Axis(snapshot, self.x_axis)
        ends = [axis.place(p) for p in snapshot.train[-1:]] + [axis.of_step(p.step) for p in snapshot.valid[-1:]]
        return max(ends, default=0.0)

    # --- drawing --------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        key = (
            width, height, self.bits, self.errors, self.logarithmic, self.smoothing, self.x_axis, self.zoom,
            self.cursor, self.pointer, self.ghost, self.rich_style,
        )  # fmt: skip
        if key != self._drawn:
            self._drawn = key
            self._strips = self._draw(width, height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        snapshot = self.snapshot
        self._plot = (0, 0, (0.0, 1.0))
        if snapshot is None:
            return self._centered("Reading the run …", width, height)
        axis, self._log, weight = Axis(snapshot, self.x_axis), self.is_logarithmic(), self.smoothing_in_force()
        curves = series.error_rates if self.errors and self.can_show_errors() else series.both_losses
        raw, valid = (series.drawable(of, log=self._log) for of in curves(snapshot, axis, self.scale()))
        train, raw, valid = (within(of, self.zoom) for of in (series.smoothed(raw, weight), raw, valid))
        if len(train) + len(valid) == 0 or width < MIN_WIDTH or height < MIN_HEIGHT:
            return self._centered(wording.waiting(snapshot) if not self.zoom else "No points here.", width, height)
        visible = [m for m in series.marks(snapshot, axis) if self.zoom is None or self.zoom[0] <= m.x <= self.zoom[1]]
        shown, lines_each = chart_rows.fitting(snapshot, width, height)
        # With other rows there is room for the figures at the mouse, so that nothing moves when it comes.
        top = int(height >= 7 and (bool(shown) or self.cursor is not None or any(m.is_line for m in visible)))
        saves_row = int(height >= MIN_HEIGHT_OF_SAVES and not all(m.is_line for m in visible))
        rows = height - 1 - top - saves_row - lines_each * len(shown)
        low, high = series.log_range(raw, valid) if self._log else series.y_range(raw, valid)
        labels = even_labels((self._height(low), self._height(high)), rows, math.exp if self._log else float)
        margin = max(chart_rows.MARGIN if shown else 0, max((len(label) for label in labels.values()), default=0) + 1)
        gutter = chart_rows.GUTTER if shown else 0
        cols = width - margin - gutter
        ghost = self.ghost if shown and self.x_axis == "step" and self.zoom is None else ()
        x_range = self.zoom or (0.0, max(self._whole(), 1e-9, *(x for x, _ in ghost)))
        self._plot = (margin, cols, x_range)
        heights = self._height(low), self._height(high)

        def placed(points: list[Point]) -> list[Point]:
            return [(x, self._height(y)) for x, y in points]

        layers = [
            (curve(placed(points), x_range, heights, cols, rows), self._style(name))
            for points, name in ((valid, "valid"), (train, "train"), (raw if weight else [], "raw"))
        ]
        best = None if self.errors and self.can_show_errors() else series.best_place(snapshot, axis)
        diamonds = diamonds_of(placed(valid), x_range, heights, cols, rows, best=best)
        tops = marks_above(series.above(raw, high), x_range, cols)
        columns = {column_of(m.x, x_range, cols): m for m in visible if m.is_line}
        lines = {column: ("┊", self._style("mark")) for column in columns}
        at = self._at()
        if at is not None and x_range[0] <= at <= x_range[1]:
            lines[column_of(at, x_range, cols)] = ("│", self._style("cursor"))
        strips = [self._top(columns, margin, cols + gutter)] if top else []
        tags = self._tags(snapshot, heights, rows) if shown else {}
        for row in range(rows):
            label = labels.get(row, "")
            left = Segment(f"{label:>{margin - 1}}{'┤' if label else '│'}", self._style("axis"))
            symbols = {
                **{at: (text, self._style("text")) for at, text in (tops if row == 0 else {}).items()},
                **{at: (text, self._style("valid")) for at, text in diamonds.get(row, {}).items()},
            }
            under = {**({at: ("·", self._style("guide")) for at in range(0, cols, GUIDE)} if label else {}), **lines}
            cells = plot_row([(g[row], style) for g, style in layers], symbols, under, self.rich_style)
            text, tag = tags.get(row, ("", "text"))
            strips.append(Strip([left, *cells, Segment(text.ljust(gutter), self._style(tag))], width))
        point = self._point()
        cursor = None if at is None or point is None else (column_of(at, x_range, cols), point)
        in_columns = chart_rows.Columns.of(snapshot, axis, x_range, cols)
        for pieces in chart_rows.draw(
            snapshot, in_columns, shown, lines_each, margin, cursor, series.by_column(ghost, x_range, cols)
        ):
            strips.append(Strip([Segment(text, self._style(name)) for text, name in pieces], width))
        saves = {column_of(m.x, x_range, cols) for m in visible if not m.is_line}
        if saves_row:
            line = " " * margin + "".join("▴" if column in saves else " " for column in range(cols))
            strips.append(Strip([Segment(line.ljust(width), self._style("axis"))], width))
        marked = () if saves_row else saves
        bottom = x_axis(
            margin, cols, x_range, partial(series.format_place, kind=self.x_axis), spacing=14, marked=marked
        )
        strips.append(Strip([Segment(bottom.ljust(width), self._style("axis"))], width))
        if at is not None and not top and strips:
            strips[0] = self._top({}, margin, cols + gutter)
        return strips

    def _tags(self, snapshot: RunSnapshot, heights: tuple[float, float], rows: int) -> dict[int, tuple[str, str]]:
        """Return the losses at the cursor, or the newest, by the row beside which they are."""
        ends = chart_rows.last_losses(snapshot, self._point(), self.scale())
        seen = [end for end in ends if series.drawable([end[:2]], log=self._log)]
        return chart_rows.tags(seen, lambda v: row_of(self._height(v), heights, rows), wording.figure, rows)

    def _height(self, value: float) -> float:
        return math.log(value) if self._log else value

    def _top(self, columns: dict[int, Mark], margin: int, cols: int) -> Strip:
        """Return the row above the plot: the figures at the cursor, or the labels of the marks."""
        width = margin + cols
        point = self._point()
        if point is not None and self.snapshot is not None:
            figures = series.readout(self.snapshot, point, self.scale())
            return Strip([Segment(figures[:width].ljust(width), self._style("cursor"))], width)
        labels = mark_labels({column: mark.label for column, mark in columns.items()}, margin, cols)
        return Strip([Segment(labels, self._style("mark"))], width)

    def _centered(self, text: str, width: int, height: int) -> list[Strip]:
        return centered_text(text, width, height, self._style("text"), self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}")
