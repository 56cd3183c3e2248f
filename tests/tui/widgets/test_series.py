"""What a loss chart is drawn from."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.prepared_run import make_run

from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui.widgets.series import (
    Axis,
    above,
    by_column,
    log_helps,
    log_range,
    marks,
    readout,
    smoothed,
    usual_smoothing,
    within,
)


@pytest.fixture
def snapshot(tmp_path: Path) -> RunSnapshot:
    events = [
        {"event": "saved", "step": 600},
        {"event": "set", "key": "lr", "value": 0.003, "before": 0.006, "step": 505},
        {"event": "set", "key": "\x1b[31mx", "value": "y" * 90, "step": 700},
        {"event": "rewound", "step": 800, "before": 900},
        {"event": "rolled back", "step": float("inf")},
        {"event": "set", "key": "lr"},
        {"event": "evaluated", "step": 900},
    ]
    return RunReader(make_run(tmp_path, state="stopped", events=events)).refresh()


def test_smoothing_begins_without_a_pull_to_zero() -> None:
    points = [(float(x), 5.0) for x in range(10)]
    assert smoothed(points, 0.9) == [(x, pytest.approx(5.0)) for x, _ in points]
    assert smoothed(points, 0.0) == points
    jump = smoothed([(0.0, 0.0), (1.0, 1.0)], 0.9)
    assert jump[1][1] == pytest.approx(0.1 / 0.19)


@pytest.mark.parametrize(("kind", "place"), [("step", 505.0), ("tokens", 505 * 2048.0), ("time", 505 * 0.04)])
def test_a_step_has_its_place_on_every_axis(snapshot: RunSnapshot, kind: str, place: float) -> None:
    assert Axis(snapshot, kind).of_step(505) == pytest.approx(place)
    assert Axis(snapshot, kind).of_step(0) == 0


def test_what_happened_is_marked(snapshot: RunSnapshot) -> None:
    found = marks(snapshot, Axis(snapshot, "step"))
    assert [(m.x, m.is_line) for m in found] == [(600, False), (505, True), (700, True), (800, True)]
    assert found[1].label == "lr 0.003"
    assert found[3].label == "rewound"
    assert len(found[2].label) == 20
    assert "\x1b" not in found[2].label


def test_a_point_is_told_with_what_happened_there(snapshot: RunSnapshot) -> None:
    said = readout(snapshot, min(snapshot.train, key=lambda point: abs(point.step - 506)), 1.0)
    assert said.startswith("lr 0.003 · step 510 · train 1.")
    assert "valid 1." in said
    assert "20 s" in said


@pytest.mark.parametrize(("low", "high"), [(1.2, 1.3), (0.5, 4), (0.01, 900), (1e-9, 1e9)])
def test_a_log_axis_has_room_for_all_points(low: float, high: float) -> None:
    found = log_range([(0.0, high), (1.0, low)], [(1.0, low)])
    assert 0 < found[0] < low < high < found[1]
    assert log_helps([(0.0, high), (1.0, low)]) == (high > 2 * low)
    assert not log_helps([(0.0, 0.0), (1.0, 3.0)])
    assert not log_helps([])


def test_more_points_are_smoothed_more() -> None:
    assert [usual_smoothing(count) for count in (0, 59, 60, 600, 2000)] == [0.0, 0.0, 0.6, 0.9, 0.9]


def test_each_part_of_a_curve_above_the_plot_is_told_once() -> None:
    points = [(0.0, 9.0), (1.0, 12.0), (2.0, 1.0), (3.0, 8.0), (4.0, 1.0)]
    assert above(points, 5.0) == [(1.0, 12.0), (3.0, 8.0)]
    assert above(points, 99.0) == []


def test_within() -> None:
    points = [(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]
    assert within(points, (1.5, 2.0)) == [(2.0, 1.0)]
    assert within(points, None) == points


def test_a_line_has_a_height_in_each_column_that_it_crosses() -> None:
    heights = by_column(((2.0, 4.0), (4.0, 0.0)), (0.0, 4.0), 5)
    assert [h for h in heights if h == h] == [4.0, 2.0, 0.0]
    assert len(heights) == 5
    assert by_column((), (0.0, 4.0), 5) == []
