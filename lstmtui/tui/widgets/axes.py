"""Axes of a chart of character cells, and text in the place of a chart: plain functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from lstmtui.common.terminal_text import safe
from lstmtui.tui import wording
from lstmtui.tui.widgets.braille import ticks

Range = tuple[float, float]
Point = tuple[float, float]
MAX_LABELS = 5
"""Labels of a y axis."""
DIAMOND_SPACING = 3
"""Columns between two diamonds."""


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
    for value in ticks(*x_range, 1 + max(2, columns // spacing)):  # the first one is at the corner, without a number
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


def marks_above(points: Sequence[Point], x_range: Range, cols: int) -> dict[int, str]:
    """Return marks by column for the parts of a curve above the plot, with their heights where there is room."""
    placed: dict[int, str] = {}
    free = 0
    for x, height in points:
        column = column_of(x, x_range, cols)
        if column >= free:
            text = f"▲{wording.figure(height, 1)}"
            text = text if column + len(text) <= cols else "▲"
            placed.update({column + n: character for n, character in enumerate(text)})
            free = column + len(text) + 1
    return placed


def mark_labels(labels: Mapping[int, str], margin: int, columns: int) -> str:
    """Return the line above a plot with a mark at each of these columns, and their labels where there is room."""
    width = margin + columns
    line = [" "] * width
    free = width
    for column in sorted(labels, reverse=True):  # the newest mark has its whole label
        label = f"▼{labels[column]}"
        start = margin + column
        if start + len(label) > free:  # then the label precedes the mark
            label = f"{labels[column]}▼"
            start = margin + column - len(label) + 1
        if start >= margin and start + len(label) <= free:
            line[start : start + len(label)] = label
            free = start - 1
        elif margin + column < free:
            line[margin + column] = "▼"
            free = margin + column
    return "".join(line)


def even_labels(y_range: Range, rows: int, value_of: Callable[[float], float]) -> dict[int, str]:
    """Return at most MAX_LABELS labels of a y axis by row, evenly spaced; `value_of` a height is what it stands for."""
    chosen = range(0, rows, max(1 if rows < 3 else 2, -(-(rows - 1) // (MAX_LABELS - 1))))
    low, high = y_range
    # The middle of the four dots of a row.
    values = [value_of(high - (4 * row + 1.5) / (4 * rows - 1) * (high - low)) for row in chosen]
    gap = min((abs(a - b) for a, b in pairwise(values)), default=0.0)
    digits = min(6, max(0, 1 - math.floor(math.log10(gap)))) if gap > 0 else 2
    return {row: f"{value:.{digits}f}" for row, value in zip(chosen, values, strict=True)}


def diamonds_of(
    points: Sequence[Point], x_range: Range, y_range: Range, cols: int, rows: int, *, best: float | None = None
) -> dict[int, dict[int, str]]:
    """Return diamonds by row and column, some columns apart, the newest and the best, a full one, among them.

    best   the place of the best point; the lowest one where that is None or has no point
    """
    placed: dict[int, dict[int, str]] = {}
    last = cols + DIAMOND_SPACING
    for x, y in reversed(points):
        column = column_of(x, x_range, cols)
        if last - column >= DIAMOND_SPACING and y <= y_range[1]:
            placed.setdefault(row_of(y, y_range, rows), {})[column] = "◇"
            last = column
    if points:
        x, y = min((point for point in points if point[0] == best), default=min(points, key=lambda point: point[1]))
        placed.setdefault(row_of(y, y_range, rows), {})[column_of(x, x_range, cols)] = "◆"
    return placed


def plot_row(
    layers: Sequence[tuple[Sequence[int], Style]],
    symbols: Mapping[int, tuple[str, Style]],
    lines: Mapping[int, tuple[str, Style]],
    base: Style,
) -> list[Segment]:
    """Return a row of a plot: symbols by column on top, then dots, those of the first layer on top, then lines."""
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
