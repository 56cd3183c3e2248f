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

from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.widgets.axes import (
    centered_text,
    column_of,
    diamonds_of,
    even_labels,
    mark_labels,
    marks_above,
    x_axis,
)
from lstmtui.tui.widgets.braille import curve
from lstmtui.tui.widgets.series import (
    SMOOTHINGS,
    X_AXES,
    Axis,
    Mark,
    Point,
    above,
    best_place,
    format_place,
    log_helps,
    log_range,
    marks,
    readout,
    smoothed,
    usual_smoothing,
    within,
    y_range,
)

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
        "The chart has the focus: left and right move the cursor, + and - zoom, escape shows the whole curve again."
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--train", "chart--raw", "chart--valid", "chart--axis", "chart--text", "chart--mark", "chart--cursor",
        "chart--guide",
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
        & > .chart--text { color: $foreground 75%; }
        & > .chart--mark { color: $success; }
        & > .chart--cursor { color: $foreground; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left,h", "move(-1)", "Left", "chart.left", "The point before the cursor"),
        bind("right", "move(1)", "Right", "chart.right", "The point after the cursor"),
        bind("shift+left,H", "move(-10)", "Far left", "chart.far-left", ""),
        bind("shift+right,L", "move(10)", "Far right", "chart.far-right", ""),
        bind("home", "edge(0)", "First", "chart.first", ""),
        bind("end", "edge(1)", "Last", "chart.last", ""),
        bind("escape", "leave", "Leave", "chart.leave", ""),
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
    """The place on the axis whose figures are shown above the plot."""

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
        return log_helps(within(self._losses(self.snapshot, Axis(self.snapshot, self.x_axis)), self.zoom))

    def smoothing_in_force(self) -> float:
        """Return the weight of the past: as chosen, or more of it for more points."""
        if self.smoothing is not None:
            return self.smoothing
        return usual_smoothing(len(self.snapshot.train) if self.snapshot is not None else 0)

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
            self.cursor, self.rich_style,
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
        raw, valid = self._points(snapshot, axis)
        train, raw = within(smoothed(raw, weight), self.zoom), within(raw, self.zoom)
        if len(train) + len(valid) == 0 or width < MIN_WIDTH or height < MIN_HEIGHT:
            return self._centered(wording.waiting(snapshot) if not self.zoom else "No points here.", width, height)
        visible = [m for m in marks(snapshot, axis) if self.zoom is None or self.zoom[0] <= m.x <= self.zoom[1]]
        top = int(height >= 7 and (self.cursor is not None or any(m.is_line for m in visible)))
        saves_row = int(height >= MIN_HEIGHT_OF_SAVES and not all(m.is_line for m in visible))
        rows = height - 1 - top - saves_row
        low, high = log_range(raw, valid) if self._log else y_range(raw, valid)
        labels = even_labels((self._height(low), self._height(high)), rows, math.exp if self._log else float)
        margin = max((len(label) for label in labels.values()), default=0) + 1
        cols = width - margin
        x_range = self.zoom or (0.0, max(self._whole(), 1e-9))
        self._plot = (margin, cols, x_range)
        heights = self._height(low), self._height(high)

        def placed(points: list[Point]) -> list[Point]:
            return [(x, self._height(y)) for x, y in points]

        layers = [
            (curve(placed(points), x_range, heights, cols, rows), self._style(name))
            for points, name in ((valid, "valid"), (train, "train"), (raw if weight else [], "raw"))
        ]
        best = None if self.errors and self.can_show_errors() else best_place(snapshot, axis)
        diamonds = diamonds_of(placed(valid), x_range, heights, cols, rows, best=best)
        tops = marks_above(above(raw, high), x_range, cols)
        columns = {column_of(m.x, x_range, cols): m for m in visible if m.is_line}
        lines = {column: ("┊", self._style("mark")) for column in columns}
        if self.cursor is not None and x_range[0] <= self.cursor <= x_range[1]:
            lines[column_of(self.cursor, x_range, cols)] = ("│", self._style("cursor"))
        strips = [self._top(columns, margin, cols)] if top else []
        for row in range(rows):
            label = labels.get(row, "")
            left = Segment(f"{label:>{margin - 1}}{'┤' if label else '│'}", self._style("axis"))
            symbols = {
                **{at: (text, self._style("text")) for at, text in (tops if row == 0 else {}).items()},
                **{at: (text, self._style("valid")) for at, text in diamonds.get(row, {}).items()},
            }
            under = {**({at: ("·", self._style("guide")) for at in range(0, cols, GUIDE)} if label else {}), **lines}
            cells = self._cells([(g[row], style) for g, style in layers], symbols, under)
            strips.append(Strip([left, *cells], width))
        saves = {column_of(m.x, x_range, cols) for m in visible if not m.is_line}
        if saves_row:
            line = " " * margin + "".join("▴" if column in saves else " " for column in range(cols))
            strips.append(Strip([Segment(line, self._style("axis"))], width))
        marked = () if saves_row else saves
        bottom = x_axis(margin, cols, x_range, partial(format_place, kind=self.x_axis), spacing=14, marked=marked)
        strips.append(Strip([Segment(bottom, self._style("axis"))], width))
        if self.cursor is not None and not top and strips:
            strips[0] = self._top({}, margin, cols)
        return strips

    def _points(self, snapshot: RunSnapshot, axis: Axis) -> tuple[list[Point], list[Point]]:
        """Return all training points and the visible validation points that can be drawn, in the unit of the axis."""
        factor, train = self.scale(), self._losses(snapshot, axis)
        valid = [(axis.of_step(p.step), p.loss * factor) for p in snapshot.valid]
        if self.errors and self.can_show_errors():
            places = [axis.of_step(p.step) for p in snapshot.valid]
            rates = ([p.cer for p in snapshot.valid], [p.wer for p in snapshot.valid])
            characters, words = ([100 * (math.nan if rate is None else rate) for rate in of] for of in rates)
            train, valid = list(zip(places, characters, strict=True)), list(zip(places, words, strict=True))

        def drawable(points: list[Point]) -> list[Point]:
            return [p for p in points if math.isfinite(p[1]) and (p[1] > 0 or not self._log)]

        return drawable(train), within(drawable(valid), self.zoom)

    def _losses(self, snapshot: RunSnapshot, axis: Axis) -> list[Point]:
        """Return the losses of training, in the unit of the axis."""
        factor = self.scale()
        return [(axis.place(p), p.loss * factor) for p in snapshot.train]

    def _height(self, value: float) -> float:
        return math.log(value) if self._log else value

    def _top(self, columns: dict[int, Mark], margin: int, cols: int) -> Strip:
        """Return the row above the plot: the figures at the cursor, or the labels of the marks."""
        width = margin + cols
        if self.cursor is not None and self.snapshot is not None:
            figures = readout(self.snapshot, Axis(self.snapshot, self.x_axis), self.cursor, self.scale())
            return Strip([Segment(figures[:width].ljust(width), self._style("cursor"))], width)
        labels = mark_labels({column: mark.label for column, mark in columns.items()}, margin, cols)
        return Strip([Segment(labels, self._style("mark"))], width)

    def _cells(
        self,
        layers: list[tuple[list[int], Style]],
        symbols: dict[int, tuple[str, Style]],
        lines: dict[int, tuple[str, Style]],
    ) -> list[Segment]:
        """Return one row of the plot: symbols on top, then the layers, the first on top, then vertical lines."""
        base = self.rich_style
        segments: list[Segment] = []
        run, style = "", base
        for column in range(len(layers[0][0])):
            if column in symbols:
                character, wanted = symbols[column]
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

    def _centered(self, text: str, width: int, height: int) -> list[Strip]:
        return centered_text(text, width, height, self._style("text"), self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}")
