"""The heat map of gates can be read without colour."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.screen import Screen

from lstmtui.config import CELLS
from lstmtui.runs.snapshot import Saturation
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.messages import GateWindow
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.widgets import gate_history, gate_views, ramps
from lstmtui.tui.widgets.gate_map import GateMap


def probe(step: int, left: list[list[list[float]]], right: list[list[list[float]]]) -> Saturation:
    gates = ("i", "f", "g", "o")[: len(left[0])]
    return Saturation(step=step, gates=gates, left=np.array(left, np.float32), right=np.array(right, np.float32))


async def drawn(probes: tuple[Saturation, ...], view: str = "units", width: int = 26, height: int = 6) -> list[str]:
    class Shown(App[None]):
        def compose(self) -> ComposeResult:
            yield GateMap()

    app = Shown()
    async with app.run_test(size=(width, height)) as pilot:
        widget = app.query_one(GateMap)
        widget.probes = probes
        widget.view = view
        await pilot.pause()
        return [widget.render_line(y).text for y in range(widget.size.height)]


async def test_units_stand_from_the_most_open_to_the_most_shut() -> None:
    one = probe(5, left=[[[1.0, 0.0, 0.5, 0.0]]], right=[[[0.0, 1.0, 0.0, 0.3]]])
    (row,) = await drawn((one,), width=4 + 8 + 10, height=1)
    assert row == "1·i ██▒▒⠶⠶⠿⠿  38%  32%"
    heads, row = await drawn((one,), width=5 + 8 + 10, height=3)
    assert heads.split() == ["units", "→", "shut", "open"]
    assert row == "▸1·i ██▒▒⠶⠶⠿⠿  38%  32%"


async def test_one_row_a_layer_and_gate() -> None:
    zeros = np.zeros((2, 4, 8)).tolist()
    rows = await drawn((probe(5, left=zeros, right=zeros),), height=9)
    assert [row[:3] for row in rows] == ["1·i", "1·f", "1·g", "1·o", "2·i", "2·f", "2·g", "2·o"]
    assert set(rows[0][4:16]) == {"·"}


async def test_training_time_goes_from_left_to_right() -> None:
    zeros, ones = [[[0.0, 0.0]]], [[[1.0, 1.0]]]
    row = (await drawn((probe(1, zeros, zeros), probe(2, zeros, ones)), view="time", height=1))[0]
    cells = row[4:16]
    assert cells == "·" * 6 + "█" * 6


@pytest.mark.parametrize("width", [1, 3, 6, 14, 20, 300])
async def test_every_width(width: int) -> None:
    some = np.full((1, 2, 5), 0.6).tolist()
    rows = await drawn((probe(1, some, some),), width=width)
    assert [len(row) for row in rows] == [width] * 3


@pytest.mark.parametrize(
    ("cell", "said"),
    [("lstm", "shut <0.1, g <-0.9"), ("gru", "shut <0.1, n <-0.9"), ("rnn", "shut <-0.9"), ("mingru", "shut <0.1")],
)
async def test_the_legend_has_the_threshold_of_each_kind_of_gate(cell: str, said: str) -> None:
    gates = CELLS[cell].gate_names
    half = np.full((1, len(gates), 8), 0.5, np.float32)
    app = App[None]()
    async with app.run_test(size=(80, 20)) as pilot:
        await app.mount(widget := GateMap())
        widget.probes = (Saturation(step=1, gates=gates, left=half, right=half),)
        await pilot.pause()
        assert f"{said}  ▓█ open >0.9" in widget.legend().plain
        widget.view, widget.chosen = "window", len(gates) - 1
        assert ("never saturated" in widget.legend().plain) == (cell == "mingru")


async def test_no_probe_has_words() -> None:
    assert "No probe yet" in "".join(await drawn((), width=40))


async def test_a_network_of_more_than_nine_layers() -> None:
    some = np.zeros((11, 1, 5)).tolist()
    rows = await drawn((probe(1, some, some),), height=11)
    assert rows[0].startswith(" 1·i ")


def some_probes(count: int = 3, hidden: int = 30) -> tuple[Saturation, ...]:
    """Return probes in which unit 0 goes from shut to open and the others stay as they are."""
    quantiles = np.tile(np.linspace(0, 1, 9, dtype=np.float32), (2, 4, 1))
    found = []
    for i in range(count):
        left, right = np.zeros((2, 4, hidden), np.float32), np.zeros((2, 4, hidden), np.float32)
        left[:, :, 0], right[:, :, 0] = 1 - i / (count - 1), i / (count - 1)
        left[:, :, -1] = 1.0
        found.append(
            Saturation(step=10 * (i + 1), gates=("i", "f", "g", "o"), left=left, right=right, quantiles=quantiles)
        )
    return tuple(found)


async def view(name: str, *, size: tuple[int, int] = (50, 12), chosen: int = 0, window: bool = True) -> list[str]:
    class Shown(App[None]):
        CSS = "GateMap { height: 1fr; }"

        def compose(self) -> ComposeResult:
            yield GateMap()

    app = Shown()
    async with app.run_test(size=size) as pilot:
        widget = app.query_one(GateMap)
        widget.probes = some_probes()
        if window:
            values = np.tile(np.linspace(0, 1, 20)[:, None], (1, 30))[None, None].repeat(2, 0).repeat(4, 1)
            widget.window = GateWindow(
                step=30,
                gates=("i", "f", "g", "o"),
                values=values,
                text=tuple("the cat\nsat \x1bon mats"),
            )
        widget.view, widget.chosen = name, chosen
        await pilot.pause()
        return [widget.render_line(y).text for y in range(widget.size.height)]


async def test_units_by_training_time() -> None:
    rows = await view("history", size=(50, 31))
    assert rows[0].startswith("   0 ⠿")
    assert rows[0][:39].rstrip().endswith("█")
    assert rows[0].endswith("   0% 100%")
    assert set(rows[15][5:40]) == {"·"}
    assert set(rows[29][5:40]) == {"⠿"}
    assert rows[29].startswith("  29 ")
    assert rows[-1].startswith("unit└─")
    assert rows[-1].rstrip().endswith("30")  # the step of the newest probe
    assert "20" in rows[-1]


async def test_a_row_says_how_many_units_it_is_the_mean_of() -> None:
    rows = await view("history", size=(50, 11))
    assert [row[:5] for row in rows[:-1]] == ["  ×3 "] * 10


@pytest.mark.parametrize("theme", ["lstmtui", "lstmtui-light"])
async def test_a_cell_has_both_fractions_as_colours(theme: str) -> None:
    app = LstmtuiApp(preferences=Preferences(charset="braille", theme=theme))
    left, right = [[[0.0, 1.0, 1.0, 0.5]]], [[[1.0, 0.0, 1.0, 0.5]]]
    async with app.run_test(size=(60, 20)) as pilot:
        await app.screen.mount(widget := GateMap())
        widget.probes = (probe(5, left, right),)
        await pilot.pause()
        segments = [s for s in widget.render_line(1) if s.text.strip("▀") == ""]
        dark = app.current_theme.dark
        blue, orange = ramps.ramp("left", dark=dark), ramps.ramp("right", dark=dark)
        drawn = [(tuple(s.style.color.triplet), tuple(s.style.bgcolor.triplet)) for s in segments]
        # From the most open to the most shut; both at once are in the middle.
        assert drawn[0] == (blue[0], orange[-1])
        assert drawn[-1] == (blue[-1], orange[0])
        assert (blue[-1], orange[-1]) in drawn
        legend = widget.legend()
        assert "shut <0.1" in legend.plain
        colours = [str(span.style) for span in legend.spans]
        assert "on rgb({},{},{})".format(*blue[-1]) in colours
        assert "on rgb({},{},{})".format(*orange[-1]) in colours


@pytest.mark.parametrize("preferences", [Preferences(charset="ascii"), Preferences(theme="lstmtui-ansi")])
async def test_without_colours_or_blocks_a_cell_is_a_character(preferences: Preferences) -> None:
    app = LstmtuiApp(preferences=preferences)
    async with app.run_test(size=(60, 20)) as pilot:
        await app.screen.mount(widget := GateMap())
        widget.probes = (probe(5, [[[0.0, 1.0]]], [[[1.0, 0.0]]]),)
        await pilot.pause()
        text = widget.render_line(1).text
        assert "▀" not in text
        assert "█" in text


async def test_the_distribution_has_bands_around_the_median_and_the_thresholds() -> None:
    rows = await view("distribution", size=(50, 12))
    assert rows[0].startswith("1.0│·")  # only the highest values
    assert [rows[n][:3] for n in (1, 9)] == ["0.9", "0.1"]  # the thresholds
    assert rows[5].startswith("0.5│█")
    assert rows[10].startswith("0.0│·")
    levels = [gate_history.PLAIN_BANDS.index(row[8]) for row in rows[:-1]]
    assert set(levels) == {1, 2, 3, 4, 5}
    assert levels == [*sorted(levels[:6]), *sorted(levels[6:], reverse=True)]
    assert rows[-1].rstrip().endswith("30")


class Shown(Screen[None]):
    """A map of the whole screen."""

    CSS = "Shown GateMap { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[int, int]] = []

    def compose(self) -> ComposeResult:
        yield GateMap()

    def on_gate_map_unit_opened(self, message: GateMap.UnitOpened) -> None:
        self.opened.append((message.layer, message.unit))


@asynccontextmanager
async def opened(probes: tuple[Saturation, ...], *, view: str = "history", size: tuple[int, int] = (60, 20)) -> Any:
    """Open a map of the whole screen, with colours."""
    app = LstmtuiApp(preferences=Preferences(charset="braille"))
    async with app.run_test(size=size) as pilot:
        await app.push_screen(Shown())
        widget = app.screen.query_one(GateMap)
        widget.probes, widget.view = probes, view
        await pilot.pause()
        yield widget, pilot


def backgrounds(widget: GateMap, y: int) -> Any:
    """Return the background of each cell of a line."""
    styles: list[Any] = [segment.style for segment in widget.render_line(y) for _ in segment.text]
    return [style.bgcolor and style.bgcolor.triplet for style in styles]


async def test_a_unit_has_a_row_of_its_own_where_there_is_room_and_the_mean_is_told_where_not() -> None:
    async with opened(some_probes(), size=(60, 32)) as (widget, _):
        dark = widget.app.current_theme.dark
        assert widget.render_line(0).text.startswith("   0 ")
        assert "mean" not in widget.title()
        full = ramps.LEVELS - 1
        assert backgrounds(widget, 0)[5] == ramps.mixed(full, 0, dark=dark)
        assert backgrounds(widget, 0)[49] == ramps.mixed(0, full, dark=dark)
    async with opened(some_probes(), size=(60, 16)) as (widget, _):
        assert "mean" not in widget.title()  # two units in a row
        assert "▀" in widget.render_line(0).text
        assert len({widget.render_line(y).text[:5] for y in range(15)}) == 15
    async with opened(some_probes(), size=(60, 6)) as (widget, _):
        assert widget.title().endswith("units by training time, means of 3 units")


async def test_what_is_pointed_at_is_told_with_both_fractions() -> None:
    async with opened(some_probes(), size=(60, 32)) as (widget, pilot):
        await pilot.hover(GateMap, offset=(30, 0))
        assert widget.title() == "1·i, unit 0, step 20: 50 % shut, 50 % open"
        await pilot.hover(GateMap, offset=(49, 29))
        assert widget.title() == "1·i, unit 29, step 30: 100 % shut, 0 % open"
        await pilot.hover(GateMap, offset=(1, 0))
        assert widget.title() == "Gate 1·i: units by training time"


async def test_the_cursor_moves_over_units_and_steps_and_opens_the_unit() -> None:
    async with opened(some_probes(), size=(60, 16)) as (widget, pilot):
        widget.move_cursor(0, 1)
        assert widget.pointed is not None
        assert (widget.pointed.units, widget.pointed.probe.step) == ((0,), 30)
        widget.move_cursor(-30, 1)
        assert (widget.pointed.units, widget.pointed.probe.step) == ((1,), 10)
        await pilot.pause()
        assert widget.render_line(0).text.startswith("  ▸1 ")
        assert "▲" in widget.render_line(15).text
        widget.open_unit()
        await pilot.pause()
        assert widget.screen.opened == [(0, 1)]
        widget.leave()
        assert widget.pointed is None


async def test_a_click_on_a_gate_chooses_it_and_a_double_click_opens_its_unit() -> None:
    async with opened(some_probes(), view="units", size=(60, 30)) as (widget, pilot):
        await pilot.click(GateMap, offset=(10, 3))  # heads, then a row for each gate
        assert widget.place() == (0, 2)
        await pilot.click(GateMap, offset=(40, 12), times=2)
        assert widget.screen.opened == [(0, 4)]  # the third row, of two units each


async def test_a_map_that_fills_keeps_its_axis_and_its_order_of_units() -> None:
    async with opened(some_probes(), size=(60, 32)) as (widget, pilot):
        widget.planned = 320
        await pilot.pause()
        before = widget.render_line(30).text
        assert before.rstrip("─ ").endswith("40")  # an eighth of the plan
        cells = widget.render_line(0).text
        assert cells[40:50].strip() == ""
        turned = Saturation(
            step=40, gates=("i", "f", "g", "o"), left=widget.probes[0].left, right=widget.probes[0].right
        )
        widget.probes = (*widget.probes, turned)
        await pilot.pause()
        assert widget.render_line(30).text == before
        assert widget.render_line(0).text.startswith("   0 ")
        assert backgrounds(widget, 0)[45] == ramps.mixed(ramps.LEVELS - 1, 0, dark=widget.app.current_theme.dark)


@pytest.mark.parametrize(
    ("newest", "planned", "end"), [(10, 0, 10), (10, 5, 10), (10, 1000, 16), (500, 1000, 500), (501, 1000, 1000)]
)
def test_the_axis_reaches_to_the_plan_or_a_power_of_two_below_it(newest: int, planned: int, end: int) -> None:
    assert gate_history.axis_end(newest, planned, ended=not planned) == end


def test_a_column_shows_the_probe_of_its_steps() -> None:
    assert gate_history.columns_of([10, 20, 35], 40, 8) == [0, 0, 1, 1, 2, 2, 2, -1]
    assert gate_history.columns_of([], 40, 2) == [-1, -1]


async def test_units_by_the_characters_of_a_window() -> None:
    rows = await view("window")
    assert rows[0].startswith("t h e ␣ c a t ␤ s a t ␣ ␛ o n ")
    assert rows[1].startswith("⠿⠿")
    assert rows[1].rstrip().endswith("██")
    levels = [rows[1][i] for i in range(0, 40, 2)]
    assert len(dict.fromkeys(levels)) == 9  # the whole ramp, from shut to open


async def test_in_colours_a_saturated_value_has_the_end_of_a_ramp_and_the_middle_is_dark() -> None:
    async with opened(some_probes(), view="window") as (widget, pilot):
        values = (
            np.tile(np.array([0.05, 0.5, 0.95], np.float16)[:, None], (1, 30))[None, None].repeat(2, 0).repeat(4, 1)
        )
        widget.window = GateWindow(step=30, gates=("i", "f", "g", "o"), values=values, text=("a", "b", "c"))
        await pilot.pause()
        dark, full = widget.app.current_theme.dark, ramps.LEVELS - 1
        ends = [ramps.mixed(*at, dark=dark) for at in ((full, 0), (0, 0), (0, full))]
        assert backgrounds(widget, 1)[:9:3] == ends
        assert "shut <0.1" in widget.legend().plain


async def test_a_tanh_gate_is_shut_at_minus_one() -> None:
    rows = await view("window", chosen=2)
    assert "⠿" not in rows[1]  # its values, from 0 to 1, lie in the upper half


async def test_the_scatter_has_a_place_for_each_unit() -> None:
    rows = await view("scatter", size=(60, 15))
    assert rows[0].startswith("100%│2")  # always shut, in both layers; the last one drawn is seen
    assert rows[12].startswith("  0%│2")
    assert rows[12].rstrip().endswith("2")  # always open
    assert "digits: layers" in rows[-1]


@pytest.mark.parametrize("name", ["history", "distribution", "window", "scatter"])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (20, 5), (200, 60)])
async def test_views_of_one_gate_at_every_size(name: str, size: tuple[int, int]) -> None:
    rows = await view(name, size=size, chosen=7)
    assert [len(row) for row in rows] == [size[0]] * len(rows)


async def test_no_window_has_words() -> None:
    assert "No window yet" in "".join(await view("window", window=False))


def test_the_ends_of_the_ramp_are_what_is_saturated_in_gates_of_both_kinds() -> None:
    low, gates = {"f": 0.1, "g": -0.9}, ("i", "f", "g", "o")
    for gate, name in ((1, "f"), (2, "g")):
        values = np.array([low[name] - 0.01, low[name] + 0.01, 0.89, 0.91], np.float32)
        window = GateWindow(step=1, gates=gates, values=np.broadcast_to(values[None, None, :, None], (1, 4, 4, 1)))
        _, row = gate_views.by_time_step(window, 0, gate, 4, 2, gate_views.LEFT)
        cells = "".join(text for text, _ in row)
        assert (cells[0], cells[3]) == (gate_views.LEFT[-1], gate_views.RIGHT[-1]), name
        assert cells[1] != cells[0], name
        assert cells[2] != cells[3], name
        one = Saturation(step=1, gates=gates, left=np.zeros((1, 4, 1)), right=np.zeros((1, 4, 1)))
        said = "".join(text for text, _ in gate_views.scatter(one, gate, 60, 6)[-1])
        assert f"left of {low[name]} " in said


NAMES = ("encoder 1 forward", "encoder 1 backward", "decoder 1", "decoder 2")


def named(step: int = 30) -> Saturation:
    half = np.full((4, 3, 8), 0.5, np.float32)
    return Saturation(step=step, gates=("r", "z", "n"), left=half, right=half / 2, layer_names=NAMES)


async def test_layers_have_the_names_of_encoder_and_decoder() -> None:
    rows = await drawn((named(),), width=40, height=12)
    assert [row[:12].strip() for row in rows[::3]] == ["enc 1 fwd·r", "enc 1 bwd·r", "dec 1·r", "dec 2·r"]
    assert "1-2 encoder, 3-4 decoder" in (await drawn((named(),), view="scatter", width=80, height=12))[-1]


@pytest.mark.parametrize("width", [1, 3, 6, 14, 20, 300])
async def test_every_width_with_names(width: int) -> None:
    rows = await drawn((named(),), width=width, height=12)
    assert [len(row) for row in rows] == [width] * 12


def test_titles_name_the_chosen_layer() -> None:
    assert gate_views.chosen_gate(named(), 1, 2) == "encoder 1 backward, gate n"
    assert gate_views.chosen_gate(named(), 3, 0, short=True) == "dec 2·r"


def test_a_window_shows_each_layer_below_the_tokens_that_it_reads() -> None:
    values = np.full((4, 3, 3, 8), 0.95, np.float16)
    pieces = (("a", " dog"), ("a", " dog"), ("</s>", " ein", " hund"), ("</s>", " ein", " hund"))
    window = GateWindow(step=30, gates=("r", "z", "n"), values=values, layer_names=NAMES, pieces=pieces)
    source, target = (gate_views.by_time_step(window, layer, 0, 30, 3, gate_views.LEFT) for layer in (1, 2))
    assert "".join(text for text, _ in source[0]).split() == ["a", "dog"]
    assert "".join(text for text, _ in target[0]).split() == ["</s>", "ein", "hund"]
    assert "".join(text for text, _ in source[1]) == "█" * 16
    assert "".join(text for text, _ in target[1]) == "█" * 24
