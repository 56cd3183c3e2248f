"""The heat map of gates can be read without colour."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from lstmtui.config import CELLS
from lstmtui.runs.snapshot import Saturation
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.messages import GateWindow
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.widgets import gate_views, ramps
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
    (row,) = await drawn((one,), width=4 + 8 + 10)
    assert row == "1·i ██▒▒⠶⠶⠿⠿  38%  32%"


async def test_one_row_a_layer_and_gate() -> None:
    zeros = np.zeros((2, 4, 8)).tolist()
    rows = await drawn((probe(5, left=zeros, right=zeros),), height=10)
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
    rows = await drawn((probe(1, some, some),))
    assert rows[0].startswith(" 1·i ")


def some_probes(count: int = 3, hidden: int = 30) -> tuple[Saturation, ...]:
    """Return probes in which unit 0 goes from shut to open and the others stay as they are."""
    found = []
    for i in range(count):
        left, right = np.zeros((2, 4, hidden), np.float32), np.zeros((2, 4, hidden), np.float32)
        left[:, :, 0], right[:, :, 0] = 1 - i / (count - 1), i / (count - 1)
        left[:, :, -1] = 1.0
        found.append(Saturation(step=10 * (i + 1), gates=("i", "f", "g", "o"), left=left, right=right))
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
    assert rows[-1].startswith("unit step 10─")
    assert "30" in rows[-1]


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
        segments = [s for s in widget.render_line(0) if s.text.strip("▀") == ""]
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
        text = widget.render_line(0).text
        assert "▀" not in text
        assert "█" in text


async def test_units_by_the_characters_of_a_window() -> None:
    rows = await view("window")
    assert rows[0].startswith("t h e ␣ c a t ␤ s a t ␣ ␛ o n ")
    assert rows[1].startswith("⠿⠿")
    assert rows[1].rstrip().endswith("██")
    levels = [rows[1][i] for i in range(0, 40, 2)]
    assert len(dict.fromkeys(levels)) == 9  # the whole ramp, from shut to open


async def test_a_tanh_gate_is_shut_at_minus_one() -> None:
    rows = await view("window", chosen=2)
    assert "⠿" not in rows[1]  # its values, from 0 to 1, lie in the upper half


async def test_the_scatter_has_a_place_for_each_unit() -> None:
    rows = await view("scatter", size=(60, 15))
    assert rows[0].startswith("100%│2")  # always shut, in both layers; the last one drawn is seen
    assert rows[12].startswith("  0%│2")
    assert rows[12].rstrip().endswith("2")  # always open
    assert "digits: layers" in rows[-1]


@pytest.mark.parametrize("name", ["history", "window", "scatter"])
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
