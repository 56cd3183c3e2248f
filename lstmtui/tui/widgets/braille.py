"""Curves of braille dots, 2 x 4 a character cell, and bars of blocks: plain functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Points = Iterable[tuple[float, float]]
Grid = list[list[int]]
"""Rows of dot masks; U+2800 plus a mask is the character."""

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
MAX_DOTS = 1e6
"""Dots outside a grid at which a value is drawn at most."""
_BLOCKS = " ▁▂▃▄▅▆▇█"
_EIGHTHS = "▏▎▍▌▋▊▉"


def curve(points: Points, x_range: tuple[float, float], y_range: tuple[float, float], cols: int, rows: int) -> Grid:
    """Return the dots of a line through `points`, which come in order of x.

    Each column of dots spans the lowest to the highest value in it, so that no spike is lost. The line leaves the grid
    where values are outside `y_range`; points that are not finite break it.
    """
    grid = [[0] * cols for _ in range(rows)]
    if cols < 1 or rows < 1:
        return grid
    width, height = 2 * cols, 4 * rows
    (x0, x1), (y0, y1) = x_range, y_range
    x_scale = (width - 1) / (x1 - x0) if x1 > x0 else 0.0
    y_scale = (height - 1) / (y1 - y0) if y1 > y0 else 0.0
    lowest, highest = [height] * width, [-1] * width
    before: tuple[int, int] | None = None
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            before = None
            continue
        column = min(width - 1, max(0, round((x - x0) * x_scale)))
        dot = round(min(MAX_DOTS, max(-MAX_DOTS, (y1 - y) * y_scale)))
        if before is not None and column > before[0] + 1:
            _bridge(lowest, highest, before, (column, dot))
        if before is not None and column > before[0]:
            # Begins one dot beside the end of the column before: a steep line stays thin and has no gap.
            last = before[1] if column == before[0] + 1 else _between(before, (column, dot), column - 1)
            start = last + (dot > last) - (dot < last)
            lowest[column], highest[column] = min(lowest[column], start), max(highest[column], start)
        lowest[column], highest[column] = min(lowest[column], dot), max(highest[column], dot)
        before = (column, dot)
    for column in range(width):
        _fill(grid, column, lowest[column], highest[column])
    return grid


def _between(start: tuple[int, int], end: tuple[int, int], column: int) -> int:
    """Return the height at which a straight line between two dots crosses `column`."""
    (x0, y0), (x1, y1) = start, end
    return y0 + round((y1 - y0) * (column - x0) / (x1 - x0))


def _bridge(lowest: list[int], highest: list[int], start: tuple[int, int], end: tuple[int, int]) -> None:
    """Span the columns between two dots by a straight line."""
    here = start[1]
    for column in range(start[0] + 1, end[0]):
        there = _between(start, end, column)
        begin = here + (there > here) - (there < here)
        lowest[column] = min(lowest[column], begin, there)
        highest[column] = max(highest[column], begin, there)
        here = there


def _fill(grid: Grid, column: int, first: int, last: int) -> None:
    cell, masks = column // 2, _DOTS[column % 2]
    for y in range(max(0, first), min(4 * len(grid) - 1, last) + 1):
        grid[y // 4][cell] |= masks[y % 4]


def sparkline(values: Sequence[float], width: int) -> str:
    """Return at most `width` block characters for a series: means of equal parts, scaled from lowest to highest."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite or width < 1:
        return ""
    width = min(width, len(finite))
    shares = [finite[len(finite) * i // width : len(finite) * (i + 1) // width] for i in range(width)]
    means = [sum(share) / len(share) for share in shares]
    low, high = min(means), max(means)
    span = high - low
    return "".join(_BLOCKS[1 + round(7 * (m - low) / span)] if span else _BLOCKS[1] for m in means)


def ticks(low: float, high: float, limit: int) -> list[float]:
    """Return at most `limit` round numbers (1, 2 or 5 times a power of ten apart) within [low, high]."""
    if limit < 1 or not high > low:
        return []
    rough = (high - low) / limit
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 5, 10, 20, 50):
        gap = factor * power
        first = math.ceil(low / gap - 1e-9)
        last = math.floor(high / gap + 1e-9)
        if last - first + 1 <= limit:
            return [round(i * gap, 10) + 0.0 for i in range(first, last + 1)]
    return []


def horizontal_bar(share: float, width: int) -> str:
    """Return a bar of at most `width` cells, in eighths of a cell; a share above 0 shows at least one eighth."""
    eighths = min(round(share * width * 8), width * 8)
    if share > 0 and width > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest - 1] if rest else "")
