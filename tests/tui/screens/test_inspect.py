"""The inspect screen over a model that never was: what it shows, what it asks, every size and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from support.fake_inspector import FakeInspector, broken, opener
from support.prepared_run import make_run
from support.screens import control_characters, painted, until
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from lstmtui.errors import LstmtuiError
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.inspect import InspectScreen
from lstmtui.tui.screens.text_input import TextInputScreen
from lstmtui.tui.services import Services

SIZES = ((80, 24), (120, 40), (200, 60), (40, 12), (20, 5), (1, 1))
Open = Callable[..., LstmtuiApp]


async def opened(pilot: Pilot[None], root: Path, model: Any, **settings: Any) -> InspectScreen:
    """Push the screen, with a door to `model`, and wait until everything was answered."""
    run = make_run(root, state="finished", **settings)
    door = opener(model) if isinstance(model, FakeInspector) else model
    screen = InspectScreen(run.path, Services(root=root, open_model=door))
    pilot.app.push_screen(screen)
    if isinstance(model, FakeInspector) and model.error is None:
        await until(
            pilot,
            lambda: screen._search is None and screen._unit_map is not None and screen._unit_values is not None,
        )
    return screen


async def test_text_gates_and_all_units_at_once(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, tmp_path, FakeInspector())
        text = painted(pilot.app)
        assert "the cat sat.⏎" in text
        assert "layer 1, unit 0: state h" in text  # unit 0 is the most selective of this model
        await until(pilot, lambda: "state h of all units, most selective first" in painted(pilot.app))
        await until(pilot, lambda: "▸ h " in painted(pilot.app))
        text = painted(pilot.app)
        assert "1/32 't' -0.400" in text
        assert "⠒" in text
        assert len([line for line in text.splitlines() if "  i ⠒" in line or "  f ⠒" in line or "▸ h ⠒" in line]) == 3
        assert screen.unit == 0


class Telling(FakeInspector):
    """The second layer has the unit that a character sets apart most: the one of 'e', which is high there."""

    def _inspect_units(self, text: str, layer: int, part: str) -> dict[str, Any]:
        answer = super()._inspect_units(text, layer, part)
        answer["selectivity"] = [
            5.5 if (layer, unit) == (1, ord("e") % self.units) else 1.0 for unit in range(self.units)
        ]
        return answer


async def test_it_opens_on_the_unit_that_one_character_sets_apart_most(tmp_path: Path, open_app: Open) -> None:
    model = Telling()
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, tmp_path, model)
        await until(pilot, lambda: "tells most" in painted(pilot.app))
        assert (screen.depth, screen.unit) == (1, ord("e") % model.units)
        assert "Layer 2, unit 5 tells most: its state h is +0.90 at 'e', -0.30 elsewhere." in " ".join(
            painted(pilot.app).split()
        )


async def test_a_key_ends_the_search_for_a_telling_unit(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, tmp_path, Telling())
        screen._search = []
        await pilot.press("pagedown")
        assert screen._search is None


class FakeTranslator(FakeInspector):
    """Two layers of an encoder over sources, two of a decoder over targets."""

    SIDES: ClassVar[dict[str, str]] = {"source": "a dog.\n", "target": "\nein hund."}
    READS = ("source", "source", "target", "target")

    def __init__(self) -> None:
        super().__init__(layers=4)

    def values(self, text: str, layer: int, part: str) -> np.ndarray:
        return super().values(self.SIDES[self.READS[layer]], layer, part)

    def _inspect(self, text: str) -> dict[str, Any]:
        sides = {name: {"pieces": list(t), "bits": [None] * len(t)} for name, t in self.SIDES.items()}
        names = ["encoder 1 forward", "encoder 1 backward", "decoder 1", "decoder 2"]
        more = {"layer_names": names, "reads": list(self.READS), "sides": sides, "lines": "a dog.\tein hund.\n"}
        return {**super()._inspect(self.SIDES["source"]), **more}


async def test_layers_of_a_translation_are_chosen_by_name_and_show_what_they_read(
    tmp_path: Path, open_app: Open
) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, tmp_path, FakeTranslator(), purpose="translation")
        await until(pilot, lambda: "encoder 1 forward, unit" in painted(pilot.app))
        assert "a dog.⏎" in painted(pilot.app)
        await pilot.press("end", *["greater_than_sign"] * 3)
        await until(pilot, lambda: "decoder 2, unit" in painted(pilot.app) and screen._unit_map is not None)
        assert "ein hund." in painted(pilot.app)
        assert "a dog." not in painted(pilot.app)
        await pilot.press("less_than_sign", "less_than_sign")
        await until(pilot, lambda: "encoder 1 backward, unit" in painted(pilot.app) and "a dog." in painted(pilot.app))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextInputScreen))
        assert "ein hund." in pilot.app.screen.query_one(TextArea).text


async def test_values_are_told_without_colour(tmp_path: Path, open_app: Open) -> None:
    """Unit 8 of the model is high at t and h and no other letter of these: codes that leave 8 divided by 12."""
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, tmp_path, FakeInspector())
        screen.unit = 8
        await until(pilot, lambda: screen._unit_values is not None and screen._unit_values.values["h"][0] == 0.9)
        await pilot.pause()
        lines = painted(pilot.app).splitlines()
        at = next(i for i, line in enumerate(lines) if "the cat sat" in line)
        text, below = lines[at][2:14], lines[at + 1][2:14]
        assert text == "the cat sat."
        assert below[0] == below[6] == below[10] == "█"
        assert below[2] == below[4] == "⠒"


async def test_moving_tells_the_value_and_the_surprise(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, tmp_path, FakeInspector())
        await pilot.press("right", "l", "right", "left")
        await until(pilot, lambda: "3/32 'e'" in painted(pilot.app))
        assert "surprise 1.5 bits" in painted(pilot.app)
        await pilot.press("down")
        assert screen._text.pieces[screen.cursor] == " "
        assert screen.cursor == 13 + 2
        await pilot.press("k", "home")
        assert screen.cursor == 0
        await pilot.press("end")
        assert screen.cursor == 31


async def test_unit_gate_layer_and_order_by_key(tmp_path: Path, open_app: Open) -> None:
    model = FakeInspector()
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, tmp_path, model)
        await pilot.press("pagedown")
        await until(pilot, lambda: ("inspect_unit", {"layer": 0, "unit": 1}) in model.asked)
        await pilot.press("right_square_bracket")
        assert screen.part == "i"
        await until(pilot, lambda: ("inspect_units", {"layer": 0, "part": "i"}) in model.asked)
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert screen.part == "c"
        await until(pilot, lambda: "cell state c of all units" in painted(pilot.app))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "layer 2, unit 1" in painted(pilot.app))
        await until(pilot, lambda: ("inspect_unit", {"layer": 1, "unit": 1}) in model.asked)
        await pilot.press("less_than_sign", "less_than_sign")  # there is no third layer: the first follows the last
        assert screen.depth == 1
        await pilot.press("o")
        await until(pilot, lambda: "slowest first" in painted(pilot.app))
        assert screen._unit_order[0] == 7  # 5 * 7 % 12 is 11, the largest
        await pilot.press("o", "o")
        await until(pilot, lambda: "by number" in painted(pilot.app))
        assert screen._unit_order == list(range(12))
        await pilot.press("pageup", "pageup")
        assert screen.unit == 11


async def test_one_panel_below_the_text_where_there_is_room_for_one(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, tmp_path, FakeInspector())
        assert "All gates and states of layer 1" in painted(pilot.app)
        assert "of all units" not in painted(pilot.app)
        await pilot.press("v")
        await until(pilot, lambda: "of all units" in painted(pilot.app))
        assert "All gates and states of layer 1" not in painted(pilot.app)


async def test_a_span_is_found_again(tmp_path: Path, open_app: Open) -> None:
    model = FakeInspector()
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, tmp_path, model)
        await pilot.press(*["right"] * 4, "shift+right", "shift+right")
        assert screen.selected == (4, 6)
        await pilot.press("slash")
        await until(pilot, lambda: "1 other places" in painted(pilot.app))
        assert ("inspect_span", {"layer": 0, "part": "h", "first": 4, "last": 6}) in model.asked
        assert "units 3, -1 are on" in painted(pilot.app)
        await pilot.press("full_stop")
        assert screen._text.pieces[screen.cursor : screen.cursor + 3] == ("c", "a", "t")
        assert screen.cursor > 6
        await until(pilot, lambda: "⟦cat⟧" in painted(pilot.app))
        here, there = (line for line in painted(pilot.app).splitlines() if line[1:6].strip(" ▸") in ("·", "1"))
        assert there[here.index("cat") :].startswith("cat.")
        assert there.startswith("│▸  1") or "▸  1" in there
        await pilot.click("PlaceList", offset=(9, 0))
        assert screen.cursor == 4
        await pilot.press("escape")
        assert screen.selected is None
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen)
        assert model.closed


async def test_the_mouse_chooses(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, tmp_path, FakeInspector())
        await pilot.click("#text", offset=(5, 0))
        assert screen.cursor == 5
        await pilot.click("#text", offset=(3, 2))
        assert screen.cursor == 13 + 3
        await pilot.click("#unit", offset=(10, 2))
        assert screen.part == "f"
        await pilot.click("#units", offset=(2, 3))
        assert screen.unit == screen._unit_order[2]


async def test_another_text_typed_and_loaded(tmp_path: Path, open_app: Open) -> None:
    model = FakeInspector()
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, tmp_path, model)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextInputScreen))
        await pilot.press("a", "space", "d", "o", "g")  # what is typed replaces the text from before
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "a dog" in painted(pilot.app) and pilot.app.screen is screen)
        assert any(op == "inspect" for op, _ in model.asked[2:])
        other = tmp_path / "other.txt"
        other.write_text("from a file\x1b[2J")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextInputScreen))
        field = pilot.app.screen.query_one(Input)
        field.value = str(tmp_path / "none")
        field.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be read" in painted(pilot.app).replace("\n", ""))
        field.value = str(other)
        await pilot.press("enter")
        await until(pilot, lambda: "from a file" in pilot.app.screen.query_one(TextArea).text)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: pilot.app.screen is screen and "from a file" in painted(pilot.app))
        assert control_characters(painted(pilot.app)) == set()


@pytest.mark.parametrize(
    "text", ["", "ab\n\n" * 60 + "日本語 текст \x1b[31m\u202e\u200b [bold]x[/] \U0001f600 e\u0301\r\n"]
)
async def test_every_size_and_any_text(tmp_path: Path, open_app: Open, text: str) -> None:
    model = FakeInspector(text=text or "x")
    async with open_app().run_test(size=(200, 60)) as pilot:
        await opened(pilot, tmp_path, model)
        for size in SIZES if text else SIZES[:1]:
            await pilot.resize_terminal(*size)
            await pilot.press("v", "shift+right", "down", "right_square_bracket")
            shown = painted(pilot.app)
            assert len(shown.splitlines()) == size[1]
            assert control_characters(shown) == set()


async def test_what_goes_wrong_is_said(tmp_path: Path, open_app: Open) -> None:
    model = FakeInspector()
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, tmp_path, broken("Run 'x' has no checkpoint yet."))
        await until(pilot, lambda: "no checkpoint yet. ctrl+r opens it again" in painted(pilot.app))
        await pilot.press("escape")
        screen = await opened(pilot, tmp_path / "more", model)
        model.error = LstmtuiError("The question cannot be understood.")
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "cannot be understood" in painted(pilot.app))
        model.error = None
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "Read 32 tokens" in painted(pilot.app))
        assert screen._unit_map is not None
