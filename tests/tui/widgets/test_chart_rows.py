"""Rows below the loss have the same columns, the values at the cursor, and lose no spike."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from support.prepared_run import make_run
from textual.app import App, ComposeResult

from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui.widgets import chart_rows
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.series import Axis


@pytest.fixture
def snapshot(tmp_path: Path) -> RunSnapshot:
    """A run of 24 points whose learning rate rises and whose gradient has one spike."""
    found = RunReader(make_run(tmp_path, state="stopped", step=240)).refresh()
    train = tuple(
        replace(p, lr=p.step / 1000, grad_norm=9.0 if p.step == 100 else 1.0, processors=1.5) for p in found.train
    )
    return replace(found, train=train)


async def drawn(snapshot: RunSnapshot, size: tuple[int, int], cursor: int | None = None) -> list[str]:
    class Shown(App[None]):
        def compose(self) -> ComposeResult:
            yield LossChart()

    app = Shown()
    async with app.run_test(size=size) as pilot:
        chart = app.query_one(LossChart)
        chart.snapshot = snapshot
        if cursor is not None:
            chart.show_step(cursor)
        await pilot.pause()
        rows = [chart.render_line(y).text for y in range(chart.size.height)]
        assert [len(row) for row in rows] == [size[0]] * size[1]
        return rows


def named(rows: list[str]) -> dict[str, str]:
    """Return the rows of figures by their names."""
    names = {figure.name for figure in chart_rows.FIGURES}
    return {row.split("│")[0].strip(): row for row in rows if row.split("│")[0].strip() in names}


async def test_as_many_rows_as_the_height_allows(snapshot: RunSnapshot) -> None:
    assert len(named(await drawn(snapshot, (80, 12)))) == 0
    assert list(named(await drawn(snapshot, (80, 14)))) == ["lr", "gradient", "update"]
    assert list(named(await drawn(snapshot, (80, 40)))) == ["lr", "gradient", "update", "speed", "busy"]
    assert len(named(await drawn(snapshot, (40, 40)))) == 0


async def test_a_row_has_its_newest_value_and_with_two_lines_its_highest(snapshot: RunSnapshot) -> None:
    rows = await drawn(snapshot, (80, 40))
    at = next(n for n, row in enumerate(rows) if row.startswith("gradient"))
    assert rows[at].endswith(" 1.00    ")
    assert rows[at + 1].endswith(" ≤9.00   ")
    assert rows[at + 1].startswith("        │")


async def test_a_spike_is_in_its_column_and_a_rise_rises(snapshot: RunSnapshot) -> None:
    rows = named(await drawn(snapshot, (9 + 25 + 9 + 30, 20)))
    gradient, lr = (rows[name][9:-9] for name in ("gradient", "lr"))
    assert set(gradient) == {"▁", "▇"}
    peak = [column for column, character in enumerate(gradient) if character == "▇"]
    assert all(abs(column / len(gradient) - 100 / 240) < 0.05 for column in peak)
    heights = [chart_rows._BARS.index(character) for character in lr]
    assert heights == sorted(heights)
    assert (heights[0], heights[-1]) == (1, 7)


async def test_the_cursor_runs_through_all_rows_and_they_say_their_values_there(snapshot: RunSnapshot) -> None:
    rows = await drawn(snapshot, (80, 18), cursor=100)
    assert rows[0].startswith("step 100 ")
    assert named(rows)["lr"].endswith(" 1.0e-01 ")
    assert named(rows)["gradient"].endswith(" 9.00    ")
    plot = [row for row in rows[1:] if "│" in row[12:-9]]
    assert len({row.index("│", 12) for row in plot}) == 1


async def test_the_newest_losses_are_beside_the_ends_of_their_curves(snapshot: RunSnapshot) -> None:
    rows = await drawn(snapshot, (80, 18))
    said = [row[-9:].strip() for row in rows]
    train, valid = f"{snapshot.train[-1].loss:.3f}", f"{snapshot.valid[-1].loss:.3f}"
    assert train in said
    assert valid in said
    assert abs(said.index(train) - said.index(valid)) <= 2


def test_a_figure_that_is_not_known_has_no_row(snapshot: RunSnapshot) -> None:
    older = replace(snapshot, train=tuple(replace(p, processors=math.nan) for p in snapshot.train))
    assert [figure.name for figure in chart_rows.fitting(older, 80, 40)[0]] == ["lr", "gradient", "update", "speed"]


def test_columns_between_two_points_show_the_next_one_and_none_after_the_newest(snapshot: RunSnapshot) -> None:
    columns = chart_rows.Columns.of(snapshot, Axis(snapshot, "step"), (0.0, 480.0), 97)
    values = columns.values(snapshot.train, chart_rows.FIGURES[0])
    assert values[0] == values[2] == pytest.approx(0.01)
    assert values[3] == pytest.approx(0.02)
    assert values[48] == pytest.approx(0.24)
    assert all(math.isnan(value) for value in values[49:])
