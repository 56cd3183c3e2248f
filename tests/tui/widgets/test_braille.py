"""Braille curves and block sparklines."""

from __future__ import annotations

import math

import pytest

from lstmtui.tui.widgets.braille import curve, sparkline, ticks


def dots(grid: list[list[int]]) -> set[tuple[int, int]]:
    """Return the set dots of a grid as (column, row from the top), by the layout of Unicode's braille block."""
    order = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
    return {
        (2 * x + dx, 4 * y + dy)
        for y, row in enumerate(grid)
        for x, mask in enumerate(row)
        for bit, (dx, dy) in enumerate(order)
        if mask >> bit & 1
    }


def test_a_diagonal_goes_from_corner_to_corner() -> None:
    assert dots(curve([(0, 0), (7, 7)], (0, 7), (0, 7), cols=4, rows=2)) == {(i, 7 - i) for i in range(8)}


def test_a_column_keeps_its_lowest_and_highest_value() -> None:
    points = [(i, 0.5) for i in range(1000)]
    points[500] = (500, 1.0)
    points[501] = (501, 0.0)
    grid = dots(curve(points, (0, 999), (0, 1), cols=10, rows=4))
    assert {0, 15} <= {y for x, y in grid if x == 10}


def test_a_steep_line_has_no_holes_and_stays_thin() -> None:
    grid = dots(curve([(0, 0), (1, 1)], (0, 1), (0, 1), cols=2, rows=8))
    assert {y for _, y in grid} == set(range(32))
    assert len(grid) <= 32 + 4


def test_the_line_leaves_the_grid_where_values_are_out_of_range() -> None:
    assert dots(curve([(0, 99), (1, -99)], (0, 1), (0, 1), cols=1, rows=1)) == {(1, y) for y in range(4)}
    plateau = [(0, 90.0), (1, 80.0), (2, 70.0), (3, 0.5), (4, 0.5)]
    assert {x for x, _ in dots(curve(plateau, (0, 7), (0, 1), cols=4, rows=1))} == {3, 4}
    assert dots(curve([(0, 1e300), (1, -1e300)], (0, 1), (0, 1e-9), cols=1, rows=1)) == {(1, y) for y in range(4)}


def test_what_is_no_number_breaks_the_line() -> None:
    grid = dots(curve([(0, 1), (1, math.nan), (2, math.inf), (3, 1)], (0, 3), (0, 2), cols=2, rows=1))
    assert {x for x, _ in grid} == {0, 3}


@pytest.mark.parametrize(("cols", "rows"), [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_no_room_is_no_error(cols: int, rows: int) -> None:
    grid = curve([(0, 1), (5, 2)], (0, 5), (1, 2), cols, rows)
    assert [len(row) for row in grid] == [cols] * rows


def test_one_point_and_flat_ranges() -> None:
    assert len(dots(curve([(3, 2)], (3, 3), (2, 2), cols=3, rows=1))) == 1


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([8, 7, 6, 5, 4, 3, 2, 1], 8, "█▇▆▅▄▃▂▁"),
        ([1, 1, 8, 8], 2, "▁█"),
        ([3, 3, 3], 3, "▁▁▁"),
        ([2.0], 10, "▁"),
        ([math.nan, math.inf], 4, ""),
        ([], 4, ""),
        ([1, 2], 0, ""),
    ],
)
def test_sparkline(values: list[float], width: int, drawn: str) -> None:
    assert sparkline(values, width) == drawn


@pytest.mark.parametrize(
    ("low", "high", "most", "marks"),
    [
        (1.45, 3.1, 4, [1.5, 2.0, 2.5, 3.0]),
        (0, 1240, 3, [0, 500, 1000]),
        (0, 1, 3, [0, 0.5, 1.0]),
        (1, 1, 4, []),
        (0, 5, 0, []),
    ],
)
def test_ticks_are_round_and_few(low: float, high: float, most: int, marks: list[float]) -> None:
    assert ticks(low, high, most) == pytest.approx(marks)
