"""Rows below the loss: learning rate, gradient norm, size of an update, speed and busy processors, over the same steps.

Plain functions. A row has the name of its figure in the margin, a bar a column, and the newest value, or that at the
cursor, behind it. A bar is the mean of the points of its column, or of the next one where a column has none; for the
gradient it is the highest of them, so that no spike is lost.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lstmtui.runs.snapshot import RunSnapshot, TrainPoint
from lstmtui.tui import wording
from lstmtui.tui.widgets.series import Axis

MARGIN = 9
"""Columns of the names of the rows, with the line behind them."""
GUTTER = 9
"""Columns of the values at the right, with the space before them."""
MIN_PLOT_ROWS = 8
"""Rows of the loss, which come before those of other figures."""
MIN_WIDTH = 44
"""Columns of a chart from which on it has other rows."""
_BARS = " ▁▂▃▄▅▆▇█"
EIGHTHS = len(_BARS) - 1

Row = list[tuple[str, str]]
"""Pieces of a line: text and the name of its style."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of training."""

    name: str
    value: Callable[[TrainPoint], float]
    text: Callable[[float], str]
    peaks: bool = False
    """Whether a column shows the highest of its points, and not their mean."""


FIGURES = (
    Figure("lr", lambda p: p.lr, lambda v: f"{v:.1e}"),
    Figure("gradient", lambda p: p.grad_norm, lambda v: wording.figure(v, 2), peaks=True),
    Figure("update", lambda p: p.update_ratio, lambda v: f"{v:.1e}"),
    Figure("speed", lambda p: p.tokens_per_second, lambda v: f"{wording.short(v)}/s"),
    Figure("busy", lambda p: p.processors, lambda v: f"{v:.1f} cpu"),
)


def room(width: int, height: int) -> tuple[int, int]:
    """Return how many figures fit below a loss chart of this size, and the lines of each."""
    spare = height - MIN_PLOT_ROWS - 3  # the line of figures, the checkpoints and the axis
    if width < MIN_WIDTH or spare < 2:
        return 0, 0
    lines = 2 if spare >= 2 * len(FIGURES) + 2 else 1
    return min(len(FIGURES), spare // lines), lines


def fitting(snapshot: RunSnapshot, width: int, height: int) -> tuple[tuple[Figure, ...], int]:
    """Return the figures that fit and that the newest point has, and the lines of each."""
    count, lines = room(width, height)
    newest = snapshot.train[-1:]  # older runs have not all of them
    return tuple(f for f in FIGURES if any(math.isfinite(f.value(p)) for p in newest))[:count], lines


@dataclass(frozen=True, slots=True)
class Columns:
    """The points of training that each column shows."""

    ends: tuple[tuple[int, int], ...]
    """The first point of a column and the one after its last; the same where it has none."""
    last: int
    """The column of the newest point that is in view; none is drawn after it."""

    @classmethod
    def of(cls, snapshot: RunSnapshot, axis: Axis, x_range: tuple[float, float], cols: int) -> Columns:
        """Share the points between the columns of `x_range`."""
        places = [axis.place(p) for p in snapshot.train]
        low, high = x_range
        half = (high - low) / max(1, cols - 1) / 2
        edges = [bisect_left(places, low + (2 * n - 1) * half) for n in range(cols + 1)]
        newest = places[-1] if places else low
        last = cols - 1 if newest >= high else round((newest - low) / max(1e-12, high - low) * (cols - 1))
        return cls(tuple(pairwise(edges)), last)

    def values(self, points: Sequence[TrainPoint], figure: Figure) -> list[float]:
        """Return the value of a figure in each column; NaN where there is none."""
        found = []
        for column, (start, end) in enumerate(self.ends):
            part = points[start:end] or points[start : start + 1]
            finite = [v for p in part if math.isfinite(v := figure.value(p))] if column <= self.last else []
            merged = (max(finite) if figure.peaks else sum(finite) / len(finite)) if finite else math.nan
            found.append(merged)
        return found


def draw(
    snapshot: RunSnapshot, columns: Columns, figures: Sequence[Figure], lines: int, margin: int,
    cursor: tuple[int, TrainPoint] | None, ghost: Sequence[float] = (),
) -> list[Row]:  # fmt: skip
    """Return the lines of the figures; `cursor` is the column of the cursor and the point of training there.

    ghost  the learning rate that is expected in each column, NaN in those of the past; drawn after the newest point
    """
    drawn: list[Row] = []
    for figure in figures:
        values = columns.values(snapshot.train, figure)
        ahead = len(values)
        if ghost and figure is FIGURES[0]:
            ahead = columns.last + 1
            values = [*values[:ahead], *ghost[ahead:]]
        finite = [value for value in values if math.isfinite(value)]
        top = max(finite, default=0.0) or 1.0
        value = figure.value(snapshot.train[-1] if cursor is None else cursor[1])
        behind = [figure.text(value) if math.isfinite(value) else "–", f"≤{figure.text(top)}"]
        for line in range(lines):
            name = figure.name if line == 0 else ""
            row: Row = [(f"{name:>{margin - 1}}│"[-margin:], "axis")]
            row += _bars(values, top, lines, line, None if cursor is None else cursor[0], ahead)
            style = ("axis" if line else "text") if cursor is None else ("axis" if line else "cursor")
            drawn.append([*row, (f" {behind[line]:<{GUTTER - 1}}"[:GUTTER], style)])
    return drawn


def _bars(values: Sequence[float], top: float, lines: int, line: int, cursor: int | None, ahead: int) -> Row:
    """Return one of the lines of bars, the first is the highest; from the column `ahead` on they are expected."""
    row: Row = []
    for column, value in enumerate(values):
        # The highest bar leaves an eighth free, which is the gap to the row above.
        height = 0 if not math.isfinite(value) else max(1, round(value / top * (lines * EIGHTHS - 1)))
        text = _BARS[min(EIGHTHS, max(0, height - (lines - 1 - line) * EIGHTHS))]
        style = "row" if column < ahead else "ghost"
        if column == cursor:
            text, style = ("│" if text == " " else text), "cursor"
        if row and row[-1][1] == style:
            row[-1] = (row[-1][0] + text, style)
        else:
            row.append((text, style))
    return row


End = tuple[float, float, str]
"""The step and the value at the end of a curve, and the name of its style."""


def last_losses(snapshot: RunSnapshot, point: TrainPoint | None, factor: float) -> list[End]:
    """Return the newest losses, or those known at a point of training, times `factor`; validation first."""
    valid = [p for p in snapshot.valid if point is None or p.step <= point.step][-1:]
    train = snapshot.train[-1:] if point is None else (point,)
    ends = [(float(p.step), p.loss * factor, "valid") for p in valid]
    return ends + [(float(p.step), p.loss * factor, "train") for p in train]


def tags(
    ends: Sequence[End], row_of: Callable[[float], int], text: Callable[[float], str], rows: int
) -> dict[int, tuple[str, str]]:
    """Return by row the values at the right of the loss, each beside the end of its curve, and their styles.

    ends  the ends of the curves, the most important first
    """
    placed: dict[int, tuple[str, str]] = {}
    for _, value, style in ends:
        wanted = row_of(value)
        free = sorted((n for n in range(rows) if n not in placed), key=lambda n: (abs(n - wanted), n))
        if free:
            placed[free[0]] = (f" {text(value):<{GUTTER - 1}}"[:GUTTER], style)
    return placed
