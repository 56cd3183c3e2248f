"""Hostile strings through every widget that shows foreign text; THOROUGH=1 sends 100,000 of them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hostile import strings
from rich.text import Text
from run_folder import make_run
from screen_tests import control_characters, painted
from textual.app import App, ComposeResult

from lstmtui.config import Settings
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader, RunSnapshot, Sample, Saturation, TrainPoint
from lstmtui.tui.messages import GateWindow
from lstmtui.tui.widgets.bars import EventLine, ProgressLine, TitleBar
from lstmtui.tui.widgets.fields import Choice, Entry, Field, Form, Opener
from lstmtui.tui.widgets.figures import Figures
from lstmtui.tui.widgets.gate_map import GateMap
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.panels import SamplePanel
from lstmtui.tui.widgets.run_columns import cells, columns

PARTS = 50 if os.environ.get("THOROUGH") else 1
COUNT = 2_000 if os.environ.get("THOROUGH") else 1_200
"""Strings of each part."""
EACH = 24
"""Strings that one frame shows."""


class Everything(App[None]):
    """Every widget that shows what others wrote."""

    CSS = "LossChart, GateMap, SamplePanel, Figures, EventLine { height: 6; }"

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield ProgressLine()
        yield EventLine()
        yield Figures()
        yield LossChart()
        yield GateMap()
        yield SamplePanel()
        with Form():
            yield Field("choice", Choice(("a",), "a"), about="x")
            yield Field("opener", Opener("a"))
            yield Field("entry", Entry("", placeholder="a"))

    def show(self, base: RunSnapshot, said: list[str]) -> None:
        s = said
        self.query_one(TitleBar).title, self.query_one(TitleBar).remark, self.query_one(TitleBar).state = (
            s[0],
            s[1],
            s[2],
        )
        settings = Settings(corpus=(s[3], s[4]), tokens=s[5], cell=s[6])
        status = {**base.status, "preparing": s[7], "preparing_done": 0.5}
        point = TrainPoint(
            step=9, tokens=9, seconds=1, loss=2, lr=0.1, grad_norm=1, clipped=0, tokens_per_second=9, memory_mb=1
        )
        events: tuple[dict[str, Any], ...] = (
            {"event": "answered", "message": s[8]},
            {"event": s[9], "step": 3, s[10]: s[11], "at": s[12]},
            {"event": "set", "key": s[13], "value": s[14], "before": s[15], "step": 5},
        )
        seen = RunSnapshot(
            run=RunFolder(base.run.path), state="preparing", message=s[16], settings=settings, status=status,
            train=(point,), samples=(Sample(step=1, temperature=1.0, prompt=s[17], text=s[18]),), events=events,
        )  # fmt: skip
        for kind in (ProgressLine, Figures, LossChart):
            self.query_one(kind).snapshot = seen
        self.query_one(EventLine).events = events
        self.query_one(EventLine).waiting = ""
        self.query_one(SamplePanel).samples = seen.samples
        half = np.full((1, 2, 4), 0.5, np.float32)
        gates = self.query_one(GateMap)
        gates.probes = (Saturation(step=1, gates=(s[19], s[20]), left=half, right=half),)
        gates.window = GateWindow(step=1, gates=(s[19], s[20]), values=np.full((1, 2, 3, 4), 0.7), text=tuple(s[21:24]))
        gates.view = ("units", "time", "history", "window", "scatter")[len(s[0]) % 5]
        self.query_one(Choice).values = (s[0], s[1])
        self.query_one(Choice).value = s[0]
        self.query_one(Opener).value = s[1]
        self.query_one(Entry).value = s[2]


@pytest.mark.parametrize("part", range(PARTS))
async def test_no_widget_lets_anything_through(tmp_path: Any, part: int) -> None:
    base = RunReader(make_run(tmp_path, state="stopped")).refresh()
    all_of_them = strings(part, COUNT)
    app = Everything()
    async with app.run_test(size=(100, 50)) as pilot:
        for start in range(0, COUNT, EACH):
            said = all_of_them[start : start + EACH]
            app.show(base, said + ["x"] * (EACH - len(said)))
            await pilot.pause()
            found = control_characters(painted(app))
            assert not found, (found, said)


def test_no_cell_of_the_table_lets_anything_through(tmp_path: Any) -> None:
    base = RunReader(make_run(tmp_path, state="stopped")).refresh()
    wanted = columns(400)
    for said in strings(99, 200):
        settings = Settings(corpus=(said,), tokens=said, cell=said)
        run = RunSnapshot(
            run=RunFolder(tmp_path / said.replace("\0", "")), state=said, settings=settings, status=base.status
        )
        row = cells(run, wanted, {}, marked=True)
        assert all(isinstance(cell, Text) for cell in row)
        assert control_characters("".join(cell.plain for cell in row)) == set(), said
