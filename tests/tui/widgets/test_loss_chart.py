"""The loss chart: range, axis, and points that are told without colour."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path

import pytest
from support.prepared_run import make_run
from textual.app import App, ComposeResult

from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot, ValidPoint
from lstmtui.tui.widgets.axes import x_axis
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.series import y_range


class Shown(App[None]):
    def __init__(self, snapshot: RunSnapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        chart = LossChart()
        chart.snapshot = self._snapshot
        yield chart


async def drawn(
    snapshot: RunSnapshot, *, bits: bool = False, size: tuple[int, int] = (60, 12), linear: bool = False
) -> list[str]:
    app = Shown(snapshot)
    async with app.run_test(size=size) as pilot:
        chart = app.query_one(LossChart)
        chart.bits, chart.logarithmic = bits, False if linear else None
        await pilot.pause()
        return [chart.render_line(y).text for y in range(chart.size.height)]


@pytest.fixture
def snapshot(tmp_path: Path) -> RunSnapshot:
    return RunReader(make_run(tmp_path, state="stopped")).refresh()


async def test_axis_and_marks(snapshot: RunSnapshot) -> None:
    rows = await drawn(snapshot)
    assert [len(row) for row in rows] == [60] * 12
    labels = [float(row.split("┤")[0]) for row in rows if "┤" in row]
    assert 4 <= len(labels) <= 5
    assert labels == sorted(labels, reverse=True)
    assert labels[0] > 4  # the first descent is not cut
    assert "500" in rows[-1]
    assert "1,000" in rows[-1]
    assert 5 <= "".join(rows).count("◇") <= 12
    assert "".join(rows).count("◆") == 1
    assert all(row[6:].count("·") > 3 for row in rows if "┤" in row)  # guides
    assert any(0x2800 < ord(c) < 0x2900 for c in "".join(rows))


async def test_the_best_evaluation_of_captions_is_not_the_one_with_the_lowest_loss(snapshot: RunSnapshot) -> None:
    points = [
        ValidPoint(step=step, seconds=1.0, best=False, figures={"nll": nll, "f1": f1}, decides="f1")
        for step, nll, f1 in ((300, 3.0, 0.2), (600, 1.5, 0.3), (900, 2.2, 0.4))
    ]
    rows = await drawn(dataclasses.replace(snapshot, valid=tuple(points)), linear=True)
    (best,) = [row.index("◆") for row in rows if "◆" in row]
    assert max(column for row in rows for column, glyph in enumerate(row) if glyph == "◇") < best


async def test_bits_per_character(snapshot: RunSnapshot) -> None:
    rows = await drawn(snapshot, bits=True)
    plain = await drawn(snapshot)
    label, of_nats = (float(next(row for row in some if "┤" in row).split("┤")[0]) for some in (rows, plain))
    assert label == pytest.approx(of_nats / math.log(2), rel=0.02)


async def test_words_know_no_bits(tmp_path: Path) -> None:
    of_words = RunReader(make_run(tmp_path, state="stopped", tokens="words")).refresh()
    assert await drawn(of_words, bits=True) == await drawn(of_words)


@pytest.mark.parametrize("size", [(1, 1), (11, 3), (12, 3), (13, 2), (300, 80)])
async def test_every_size(snapshot: RunSnapshot, size: tuple[int, int]) -> None:
    assert [len(row) for row in await drawn(snapshot, size=size)] == [size[0]] * size[1]


async def test_points_that_are_no_numbers(snapshot: RunSnapshot) -> None:
    broken = tuple(dataclasses.replace(p, loss=math.nan) for p in snapshot.train)
    assert "◆" in "".join(await drawn(dataclasses.replace(snapshot, train=broken)))
    nothing = dataclasses.replace(snapshot, train=broken, valid=())
    assert "No point was recorded" in "".join(await drawn(nothing))


async def test_one_point(snapshot: RunSnapshot) -> None:
    one = dataclasses.replace(snapshot, train=snapshot.train[:1], valid=())
    assert any(0x2800 < ord(c) < 0x2900 for c in "".join(await drawn(one)))


def test_the_first_descent_does_not_squeeze_the_rest() -> None:
    train = [(float(i), 90.0 if i < 3 else 2.0 - i / 200) for i in range(200)]
    low, high = y_range(train, [])
    assert high < 3
    assert low < train[-1][1]
    assert y_range(train, [(0, 1.0), (100, 5.0)])[1] > 5


async def test_losses_above_the_plot_are_no_plateau_and_have_a_mark(snapshot: RunSnapshot) -> None:
    train = tuple(
        dataclasses.replace(snapshot.train[0], step=i, loss=90.0 if i < 3 else 2.0 - i / 200) for i in range(1, 200)
    )
    rows = await drawn(dataclasses.replace(snapshot, train=train, valid=()), linear=True)
    plot = rows[0].partition("│")[2] or rows[0].partition("┤")[2]
    assert plot.strip().startswith("▲90.0")
    assert not any(0x2800 < ord(c) < 0x2900 for c in plot[: plot.index("▲") + 1])


class Watched:
    """A chart in an application, with keys and a mouse."""

    def __init__(self, snapshot: RunSnapshot) -> None:
        self.app = Shown(snapshot)

    @property
    def chart(self) -> LossChart:
        return self.app.query_one(LossChart)

    def rows(self) -> list[str]:
        return [self.chart.render_line(y).text for y in range(self.chart.size.height)]


async def test_zooming_keeps_the_newest_points_and_comes_back(snapshot: RunSnapshot) -> None:
    watched = Watched(snapshot)
    async with watched.app.run_test(size=(70, 14)):
        chart, whole = watched.chart, watched.rows()
        chart.zoom_by(0.5)
        assert chart.zoom == (620.0, 1240.0)
        assert "500" not in watched.rows()[-1]
        for _ in range(30):
            chart.zoom_by(0.5)
        assert chart.zoom is not None
        assert chart.zoom[1] - chart.zoom[0] == pytest.approx(1240 / 500)
        chart.zoom_by(1e9)
        assert chart.zoom is None
        assert watched.rows() == whole


async def test_the_axis_is_logarithmic_where_losses_differ_by_a_factor(snapshot: RunSnapshot) -> None:
    watched = Watched(snapshot)
    async with watched.app.run_test(size=(70, 14)):
        assert watched.chart.title().endswith(", log")
        log = [float(row.split("┤")[0]) for row in watched.rows() if "┤" in row]
        ratios = [a / b for a, b in itertools.pairwise(log)]
        assert max(ratios) == pytest.approx(min(ratios), rel=0.05)
        watched.chart.logarithmic = False
        linear = [float(row.split("┤")[0]) for row in watched.rows() if "┤" in row]
        gaps = [a - b for a, b in itertools.pairwise(linear)]
        assert max(gaps) == pytest.approx(min(gaps), rel=0.2)
        watched.chart.logarithmic = None
        watched.chart.zoom = (1000.0, 1240.0)
        assert ", log" not in watched.chart.title()


async def test_validation_is_drawn_over_training_and_raw_points_below_all(snapshot: RunSnapshot) -> None:
    same = tuple(dataclasses.replace(p, loss=2.0) for p in snapshot.train)
    valid = tuple(dataclasses.replace(p, figures={**p.figures, "nll": 2.0}) for p in snapshot.valid)
    watched = Watched(dataclasses.replace(snapshot, train=same, valid=valid))
    async with watched.app.run_test(size=(70, 14)):
        chart = watched.chart
        strips = [chart.render_line(y) for y in range(chart.size.height)]
        colours = {s.style.color for strip in strips for s in strip if any(0x2800 < ord(c) < 0x2900 for c in s.text)}
        assert chart.get_component_rich_style("chart--valid").color in colours
        assert chart.smoothing_in_force() == 0.6
        assert "smoothed 0.6" in chart.legend()
        chart.cycle_smoothing()
        assert chart.smoothing == 0.9
        for _ in range(2):
            chart.cycle_smoothing()
        assert chart.smoothing == 0.0
        assert "smoothed" not in chart.legend()


async def test_checkpoints_have_a_row_of_their_own_where_there_is_room(snapshot: RunSnapshot) -> None:
    saved = dataclasses.replace(snapshot, events=({"event": "saved", "step": 600},))
    high, low = await drawn(saved, size=(60, 14)), await drawn(saved, size=(60, 8))
    assert high[-2].strip() == "▴"
    assert "┴" not in high[-1]
    assert "┴" in low[-1]


async def test_the_cursor_tells_a_point(snapshot: RunSnapshot) -> None:
    watched = Watched(snapshot)
    async with watched.app.run_test(size=(90, 14)) as pilot:
        watched.chart.focus()
        await pilot.press("left")
        assert watched.rows()[0].startswith("step 1,240 · train 1.4")
        await pilot.press(*["left"] * 5, "shift+left")
        assert watched.chart.cursor is not None
        assert watched.chart.cursor < 1100
        assert "│" in "".join(row[6:] for row in watched.rows()[1:-1])
        await pilot.press("home")
        assert watched.rows()[0].startswith("step 10 ")
        await pilot.press("escape")
        assert not watched.rows()[0].startswith("step")


async def test_the_cursor_takes_the_window_along(snapshot: RunSnapshot) -> None:
    watched = Watched(snapshot)
    async with watched.app.run_test(size=(90, 14)) as pilot:
        watched.chart.focus()
        watched.chart.zoom_by(0.25)
        await pilot.press("home", "shift+left")
        assert watched.chart.zoom is not None
        assert watched.chart.zoom[0] < 930
        assert watched.chart.zoom[0] == pytest.approx(watched.chart.cursor)


async def test_a_click_looks_at_a_point_and_the_wheel_zooms(snapshot: RunSnapshot) -> None:
    watched = Watched(snapshot)
    async with watched.app.run_test(size=(90, 14)) as pilot:
        await pilot.pause()
        watched.rows()
        await pilot.click(LossChart, offset=(45, 5))
        assert watched.chart.cursor == pytest.approx(620, abs=60)
        await pilot.click(LossChart, offset=(0, 5))  # on the axis, where there is no point
        assert watched.chart.cursor == pytest.approx(620, abs=60)


@pytest.mark.parametrize("x_axis", ["step", "tokens", "time"])
@pytest.mark.parametrize("smoothing", [0.0, 0.9])
@pytest.mark.parametrize("size", [(1, 1), (12, 3), (20, 5), (200, 60)])
async def test_every_way_at_every_size(
    snapshot: RunSnapshot, x_axis: str, smoothing: float, size: tuple[int, int]
) -> None:
    watched = Watched(snapshot)
    async with watched.app.run_test(size=size):
        chart = watched.chart
        chart.x_axis, chart.smoothing, chart.logarithmic, chart.cursor = x_axis, smoothing, True, 50.0
        rows = watched.rows()
        assert [len(row) for row in rows] == [size[0]] * len(rows)


def test_a_narrow_axis_has_numbers():
    line = x_axis(3, 38, (0.0, 400.0), lambda value: f"{value:g}", spacing=14)
    assert line.split("─")[-1] == "400"
    assert "─200─" in line
    assert len(line) == 41
