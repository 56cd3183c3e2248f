"""The loss chart: range, axis, and points that are told without colour."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from run_folder import make_run
from textual.app import App, ComposeResult

from lstmtui.runs.reader import RunReader, RunSnapshot
from lstmtui.tui.widgets.loss_chart import LossChart, y_range


class Shown(App[None]):
    def __init__(self, snapshot: RunSnapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        chart = LossChart()
        chart.snapshot = self._snapshot
        yield chart


async def drawn(snapshot: RunSnapshot, *, bits: bool = False, size: tuple[int, int] = (60, 12)) -> list[str]:
    app = Shown(snapshot)
    async with app.run_test(size=size) as pilot:
        chart = app.query_one(LossChart)
        chart.bits = bits
        await pilot.pause()
        return [chart.render_line(y).text for y in range(chart.size.height)]


@pytest.fixture
def snapshot(tmp_path: Path) -> RunSnapshot:
    return RunReader(make_run(tmp_path, state="stopped")).refresh()


async def test_axis_and_marks(snapshot: RunSnapshot) -> None:
    rows = await drawn(snapshot)
    assert [len(row) for row in rows] == [60] * 12
    assert any(row.startswith("1.5┤") for row in rows)
    assert "500" in rows[-1]
    assert "1,000" in rows[-1]
    assert 5 <= "".join(rows).count("◆") <= 12
    assert any(0x2800 < ord(c) < 0x2900 for c in "".join(rows))


async def test_bits_per_character(snapshot: RunSnapshot) -> None:
    rows = await drawn(snapshot, bits=True)
    assert any(row.startswith(("2.2┤", "2.5┤", "2┤", "2.0┤")) for row in rows)
    assert not any(row.startswith("1.5┤") for row in rows)


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
