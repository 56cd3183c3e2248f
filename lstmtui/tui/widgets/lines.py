"""Several curves in one frame of characters, each with its letter on it: plain functions.

The result is rows of (text, name) pieces, where the name is "axis", "" or that of a curve; the caller colours them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lstmtui.tui import wording
from lstmtui.tui.widgets.axes import column_of, row_of, x_axis
from lstmtui.tui.widgets.braille import curve, ticks

Point = tuple[float, float]
Pieces = list[tuple[str, str]]
LETTER_SPACING = 14
"""Columns between two letters of one curve."""
MIN_WIDTH, MIN_HEIGHT = 14, 3


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: a letter drawn along it, its points in order of x, and the name under which it gets its colour."""

    mark: str
    points: tuple[Point, ...]
    name: str


def frame(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    log: bool = False,
    x_range: tuple[float, float] | None = None,
    x_text: Callable[[float], str] = wording.short,
    cursor: float | None = None,
) -> list[Pieces]:
    """Return `height` rows of pieces, each `width` characters in all; empty when there is nothing to draw.

    `log` draws the logarithm of y and omits values that are not above zero. The first curve is on top. `cursor` is a
    place on the x axis, marked by a thin vertical line.
    """
    drawn = [(c, _finite(c.points, log)) for c in curves]
    every = [point for _, points in drawn for point in points]
    if not every or width < MIN_WIDTH or height < MIN_HEIGHT:
        return []
    x0, x1 = x_range or (min(x for x, _ in every), max(x for x, _ in every))
    x1 = x1 if x1 > x0 else x0 + 1
    low, high = _padded(min(y for _, y in every), max(y for _, y in every))
    rows = height - 1
    labels = y_labels(low, high, rows, log)
    margin = max((len(label) for label in labels.values()), default=0) + 1
    cols = width - margin
    grids = [curve(points, (x0, x1), (low, high), cols, rows) for _, points in drawn]
    letters = _letters(drawn, (x0, x1), (low, high), cols, rows)
    cursor_column = None if cursor is None else column_of(cursor, (x0, x1), cols)
    drawn_rows: list[Pieces] = []
    for row in range(rows):
        label = labels.get(row, "")
        pieces: Pieces = [(f"{label:>{margin - 1}}{'┤' if label else '│'}", "axis")]
        for column in range(cols):
            letter = letters.get((row, column))
            mask, name = 0, ""
            for (c, _), grid in zip(drawn, grids, strict=True):
                if grid[row][column]:
                    mask, name = mask | grid[row][column], name or c.name
            if letter is not None:
                _add(pieces, *letter)
            elif mask:
                _add(pieces, chr(0x2800 + mask), name)
            elif column == cursor_column:
                _add(pieces, "┊", "axis")
            else:
                _add(pieces, " ", "")
        drawn_rows.append(pieces)
    return [*drawn_rows, [(x_axis(margin, cols, (x0, x1), x_text), "axis")]]


def y_labels(low: float, high: float, rows: int, log: bool) -> dict[int, str]:
    """Return the labels of the y axis by row; with `log`, `low` and `high` are logarithms to base 10."""
    if not log:
        marks = ticks(low, high, max(2, (rows + 1) // 2))
        digits = max(0, -math.floor(math.log10(marks[1] - marks[0]) + 1e-9)) if len(marks) > 1 else 2
        return {row_of(v, (low, high), rows): f"{v:.{digits}f}" for v in marks}
    whole = [v for v in ticks(low, high, max(2, (rows + 1) // 2)) if float(v).is_integer()]
    if len(whole) >= 2:
        return {row_of(v, (low, high), rows): _power(int(v)) for v in whole}
    # Fewer than two powers of ten.
    marks = [d * 10.0**p for p in range(math.floor(low), math.ceil(high) + 1) for d in (1, 1.5, 2, 3, 5, 7)]
    inside = [v for v in marks if low <= math.log10(v) <= high]
    return {row_of(math.log10(v), (low, high), rows): f"{v:.3g}" for v in inside}


def _power(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -3 <= exponent <= 4 else f"1e{exponent}"


def _finite(points: Sequence[Point], log: bool) -> list[Point]:
    if log:
        return [(x, math.log10(y)) for x, y in points if math.isfinite(y) and y > 0]
    return [(x, y) for x, y in points if math.isfinite(y)]


def _padded(low: float, high: float) -> tuple[float, float]:
    padding = (high - low or 0.1) * 0.04
    return low - padding, high + padding


def _letters(
    drawn: Sequence[tuple[Curve, list[Point]]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    cols: int,
    rows: int,
) -> dict[tuple[int, int], tuple[str, str]]:
    """Return letter and name by row and column: each curve's letter along it, with those of the others in between."""
    placed: dict[tuple[int, int], tuple[str, str]] = {}
    gap = LETTER_SPACING / max(1, len(drawn))
    for number, (c, points) in reversed(list(enumerate(drawn))):
        wanted = cols - 1 - round(number * gap)
        for x, y in reversed(points):
            column = column_of(x, x_range, cols)
            if column <= wanted:
                placed[row_of(y, y_range, rows), column] = (c.mark, c.name)
                wanted = column - LETTER_SPACING
    return placed


def _add(pieces: Pieces, text: str, name: str) -> None:
    """Append `text`, to the last piece if it has the same name."""
    if pieces[-1][1] == name:
        pieces[-1] = (pieces[-1][0] + text, name)
    else:
        pieces.append((text, name))
