"""Curves in a frame of characters."""

from __future__ import annotations

import itertools
import math

import pytest

from lstmtui.tui.widgets.lines import Curve, frame, y_labels


def drawn(curves, width=60, height=12, **options):
    return ["".join(text for text, _ in row) for row in frame(curves, width, height, **options)]


def test_every_row_is_as_wide_as_asked():
    curves = [Curve("A", tuple((x, 5 - x / 30) for x in range(100)), "one")]
    for width, height in ((14, 3), (60, 12), (201, 40)):
        rows = drawn(curves, width, height)
        assert len(rows) == height
        assert {len(row) for row in rows} == {width}


def test_letters_stand_on_their_curves():
    high = Curve("A", tuple((x, 10.0) for x in range(100)), "one")
    low = Curve("B", tuple((x, 1.0) for x in range(100)), "two")
    rows = drawn([high, low], height=10)
    assert rows[0].count("A") >= 3
    assert rows[8].count("B") >= 3
    assert not any("A" in row or "B" in row for row in rows[1:8])
    names = {name for row in frame([high, low], 60, 10) for text, name in row if "A" in text}
    assert names == {"one"}


def test_a_straight_line_on_a_logarithmic_axis():
    rows = drawn([Curve("1", tuple((k, 10.0**-k) for k in range(1, 9)), "one")], 60, 17, log=True)
    tops = [next(column for column, c in enumerate(row) if column > 5 and c not in " │┤") for row in rows[1:15]]
    assert tops == sorted(tops)
    steps = [b - a for a, b in itertools.pairwise(tops)]
    assert max(steps) - min(steps) <= 3
    assert any("1e-4┤" in row for row in rows)


def test_what_cannot_be_drawn_is_left_out():
    points = ((1.0, math.nan), (2.0, math.inf), (3.0, 0.0), (4.0, -1.0))
    assert drawn([Curve("A", points, "one")], log=True) == []
    assert drawn([Curve("A", points, "one")]) != []
    assert drawn([]) == []
    assert drawn([Curve("A", ((1.0, 1.0),), "one")], 5, 2) == []


def test_one_point_and_a_level_line_have_room():
    assert any("A" in row for row in drawn([Curve("A", ((3.0, 7.0),), "one")]))
    assert any("A" in row for row in drawn([Curve("A", ((1.0, 0.0), (2.0, 0.0)), "one")]))


def test_a_cursor_is_an_upright_line():
    rows = drawn([Curve("A", ((0.0, 1.0), (100.0, 2.0)), "one")], cursor=50.0)
    assert sum("┊" in row for row in rows) >= 9


@pytest.mark.parametrize(
    ("low", "high", "log"), [(0.0, 3.2, False), (-12.3, 0.4, True), (0.05, 0.6, True), (1.2, 1.3, False)]
)
def test_labels_are_round_and_few(low, high, log):
    labels = y_labels(low, high, 12, log)
    assert 2 <= len(labels) <= 12
    values = [float(text) for _, text in sorted(labels.items())]
    assert values == sorted(values, reverse=True)
    bounds = (10**low, 10**high) if log else (low, high)
    assert all(bounds[0] * 0.999 - 0.01 <= value <= bounds[1] * 1.001 + 0.01 for value in values)
