"""Several curves in one frame of characters, told apart by a letter on each: plain functions, no widget.

What comes out is rows of (text, name) pieces, where the name is "axis", "" or that of a curve; whoever shows them
chooses the colours, or none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lstmtui.tui import wording
from lstmtui.tui.widgets.braille import curve, ticks

Point = tuple[float, float]
Pieces = list[tuple[str, str]]
BETWEEN = 14
"""Columns from one letter of a curve to its next."""


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
    """Return `height` rows of pieces, each `width` characters in all; nothing where there is nothing to draw.

    `log` draws the logarithm of y, and leaves out what is not above zero. Curves that come first lie on top. A
    `cursor` is a place on the x axis marked by a thin upright line.
    """
    drawn = [(c, _finite(c.points, log)) for c in curves]
    every = [point for _, points in drawn for point in points]
    if not every or width < 14 or height < 3:
        return []
    x0, x1 = x_range or (min(x for x, _ in every), max(x for x, _ in every))
    x1 = x1 if x1 > x0 else x0 + 1
    low, high = _room(min(y for _, y in every), max(y for _, y in every))
    rows = height - 1
    labels = y_labels(low, high, rows, log)
    margin = max((len(label) for label in labels.values()), default=0) + 1
    cols = width - margin
    grids = [curve(points, (x0, x1), (low, high), cols, rows) for _, points in drawn]
    letters = _letters(drawn, (x0, x1), (low, high), cols, rows)
    upright = None if cursor is None else min(cols - 1, max(0, round((cursor - x0) / (x1 - x0) * (cols - 1))))
    found: list[Pieces] = []
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
            elif column == upright:
                _add(pieces, "┊", "axis")
            else:
                _add(pieces, " ", "")
        found.append(pieces)
    return [*found, [(_bottom(margin, cols, x0, x1, x_text), "axis")]]


def y_labels(low: float, high: float, rows: int, log: bool) -> dict[int, str]:
    """Return the numbers beside the axis, by row; `low` and `high` are logarithms to base 10 with `log`."""
    if not log:
        marks = ticks(low, high, max(2, (rows + 1) // 2))
        digits = max(0, -math.floor(math.log10(marks[1] - marks[0]) + 1e-9)) if len(marks) > 1 else 2
        return {_row(v, low, high, rows): f"{v:.{digits}f}" for v in marks}
    whole = [v for v in ticks(low, high, max(2, (rows + 1) // 2)) if float(v).is_integer()]
    if len(whole) >= 2:
        return {_row(v, low, high, rows): _power(int(v)) for v in whole}
    # Less than two powers of ten: 1, 2 and 5 times each.
    marks = [d * 10.0**p for p in range(math.floor(low), math.ceil(high) + 1) for d in (1, 1.5, 2, 3, 5, 7)]
    inside = [v for v in marks if low <= math.log10(v) <= high]
    return {_row(math.log10(v), low, high, rows): f"{v:.3g}" for v in inside}


def _power(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -3 <= exponent <= 4 else f"1e{exponent}"


def _finite(points: Sequence[Point], log: bool) -> list[Point]:
    if log:
        return [(x, math.log10(y)) for x, y in points if math.isfinite(y) and y > 0]
    return [(x, y) for x, y in points if math.isfinite(y)]


def _room(low: float, high: float) -> tuple[float, float]:
    room = (high - low or 0.1) * 0.04
    return low - room, high + room


def _row(value: float, low: float, high: float, rows: int) -> int:
    return min(rows - 1, max(0, round((high - value) / (high - low) * (4 * rows - 1)) // 4))


def _letters(
    drawn: Sequence[tuple[Curve, list[Point]]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    cols: int,
    rows: int,
) -> dict[tuple[int, int], tuple[str, str]]:
    """Return letter and name by row and column: each curve's own letter along it, those of others in between."""
    placed: dict[tuple[int, int], tuple[str, str]] = {}
    gap = BETWEEN / max(1, len(drawn))
    for number, (c, points) in reversed(list(enumerate(drawn))):
        wanted = cols - 1 - round(number * gap)
        for x, y in reversed(points):
            column = min(cols - 1, max(0, round((x - x_range[0]) / (x_range[1] - x_range[0]) * (cols - 1))))
            if column <= wanted:
                placed[_row(y, *y_range, rows), column] = (c.mark, c.name)
                wanted = column - BETWEEN
    return placed


def _add(pieces: Pieces, text: str, name: str) -> None:
    """Add to the last piece where it has the same name."""
    if pieces[-1][1] == name:
        pieces[-1] = (pieces[-1][0] + text, name)
    else:
        pieces.append((text, name))


def _bottom(margin: int, cols: int, first: float, last: float, tell: Callable[[float], str]) -> str:
    """Return the x axis with its numbers written into the line."""
    line = list(" " * (margin - 1) + "└" + "─" * cols)
    free = margin
    for value in ticks(first, last, max(2, cols // 12)):
        text = tell(value)
        at = margin + round((value - first) / (last - first) * (cols - 1))
        start = min(max(margin, at - len(text) // 2), margin + cols - len(text))
        if start >= free and value > first:
            line[start : start + len(text)] = text
            free = start + len(text) + 1
    return "".join(line[: margin + cols])
