"""Axes of a chart of character cells, and text in the place of a chart: plain functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from lstmtui.common.terminal_text import safe
from lstmtui.tui.widgets.braille import ticks

Range = tuple[float, float]


def row_of(value: float, y_range: Range, rows: int) -> int:
    """Return the row, from the top, that holds the dot of `value`; a row has four dots."""
    low, high = y_range
    return min(rows - 1, max(0, round((high - value) / (high - low) * (4 * rows - 1)) // 4))


def column_of(x: float, x_range: Range, columns: int) -> int:
    """Return the column of `x`."""
    return min(columns - 1, max(0, round((x - x_range[0]) / (x_range[1] - x_range[0]) * (columns - 1))))


def x_axis(
    margin: int,
    columns: int,
    x_range: Range,
    format_value: Callable[[float], str],
    *,
    spacing: int = 12,
    marked: Iterable[int] = (),
) -> str:
    """Return the x axis with numbers about `spacing` columns apart in the line, and a tick at each marked column."""
    line = list(" " * (margin - 1) + "└" + "─" * columns)
    for column in marked:
        line[margin + column] = "┴"
    free = margin
    for value in ticks(*x_range, max(2, columns // spacing)):
        text = format_value(value)
        at = margin + column_of(value, x_range, columns)
        start = min(max(margin, at - len(text) // 2), margin + columns - len(text))
        if start >= free and value > x_range[0]:
            line[start : start + len(text)] = text
            free = start + len(text) + 1
    return "".join(line[: margin + columns])


def centered_text(text: str, width: int, height: int, style: Style, background: Style) -> list[Strip]:
    """Return lines of text in the middle of `width` by `height` cells, in the place of a chart without points."""
    lines = safe(text).splitlines()[: max(1, height)]
    above = max(0, (height - len(lines)) // 2)
    strips = [Strip([Segment(line[:width].center(width), style)], width) for line in lines]
    return [Strip.blank(width, background)] * above + strips
