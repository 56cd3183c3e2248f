"""The heat map of gates can be read without colour."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from lstmtui.runs.reader import Saturation
from lstmtui.tui.widgets.gate_map import GateMap


def probe(step: int, left: list[list[list[float]]], right: list[list[list[float]]]) -> Saturation:
    gates = ("i", "f", "g", "o")[: len(left[0])]
    return Saturation(step=step, gates=gates, left=np.array(left, np.float32), right=np.array(right, np.float32))


async def drawn(probes: tuple[Saturation, ...], view: str = "units", width: int = 26) -> list[str]:
    class Shown(App[None]):
        def compose(self) -> ComposeResult:
            yield GateMap()

    app = Shown()
    async with app.run_test(size=(width, 10)) as pilot:
        widget = app.query_one(GateMap)
        widget.probes = probes
        widget.view = view
        await pilot.pause()
        return [widget.render_line(y).text for y in range(widget.size.height)]


async def test_units_stand_from_the_most_open_to_the_most_shut() -> None:
    one = probe(5, left=[[[1.0, 0.0, 0.5, 0.0]]], right=[[[0.0, 1.0, 0.0, 0.3]]])
    (row,) = await drawn((one,), width=4 + 8 + 10)
    assert row == "1·i ██▒▒⠶⠶⠿⠿  38%  32%"


async def test_one_row_a_layer_and_gate() -> None:
    zeros = np.zeros((2, 4, 8)).tolist()
    rows = await drawn((probe(5, left=zeros, right=zeros),))
    assert [row[:3] for row in rows] == ["1·i", "1·f", "1·g", "1·o", "2·i", "2·f", "2·g", "2·o"]
    assert set(rows[0][4:16]) == {"·"}


async def test_training_time_goes_from_left_to_right() -> None:
    zeros, ones = [[[0.0, 0.0]]], [[[1.0, 1.0]]]
    row = (await drawn((probe(1, zeros, zeros), probe(2, zeros, ones)), view="time"))[0]
    cells = row[4:16]
    assert cells == "·" * 6 + "█" * 6


@pytest.mark.parametrize("width", [1, 3, 6, 14, 20, 300])
async def test_every_width(width: int) -> None:
    some = np.full((1, 2, 5), 0.6).tolist()
    rows = await drawn((probe(1, some, some),), width=width)
    assert [len(row) for row in rows] == [width] * 2


async def test_no_probe_has_words() -> None:
    assert "No probe yet" in "".join(await drawn((), width=40))


async def test_a_network_of_more_than_nine_layers() -> None:
    some = np.zeros((11, 1, 5)).tolist()
    rows = await drawn((probe(1, some, some),))
    assert rows[0].startswith(" 1·i ")
