"""Style sheets of screens: Textual applies them to the whole application once a screen has been opened."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fake_inspector import FakeInspector, flow, measured
from support.prepared_run import make_run
from support.screens import FakeForecaster, until
from textual.screen import Screen

from lstmtui.client.model import Candidate
from lstmtui.runs.folder import RunFolder
from lstmtui.tui import screens
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.gradients import GradientsScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.new_run import NewRunScreen
from lstmtui.tui.screens.type import TypeScreen
from lstmtui.tui.services import Services

SHEETS = sorted(Path(screens.__path__[0]).glob("*.tcss"))
MAKE: dict[str, Callable[[RunFolder, Services], Screen[Any]]] = {
    "gradients": lambda run, services: GradientsScreen(run.path, services),
    "live": LiveScreen,
    "new_run": lambda run, services: NewRunScreen(services),
    "type": TypeScreen,
}
"""Screens whose parts have names in common; the list of runs is open below all of them."""


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_every_rule_is_of_one_screen(sheet: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    screen = "".join(word.capitalize() for word in sheet.stem.split("_")) + "Screen"
    outermost = re.findall(r"^(\S.*?) *\{", rules, flags=re.MULTILINE)
    assert outermost == [screen]


class Model(FakeInspector):
    """A model that completes nothing."""

    def complete(self, text: str, **options: object) -> list[Candidate]:
        return []


ARRANGEMENT = ("width", "height", "min_height", "max_height", "padding", "border_top", "background")
"""Styles that do not depend on what a screen has read so far."""


def arrangement(screen: Screen[Any]) -> dict[str, dict[str, str]]:
    """Return the styles of all widgets that have an id."""
    named = [widget for widget in screen.query("*") if widget.id and not widget.id.startswith("_")]
    return {f"#{widget.id}": {name: str(getattr(widget.styles, name)) for name in ARRANGEMENT} for widget in named}


async def arrangements(services: Services, run: RunFolder, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the arrangement of each screen, opened one after another in the same application."""
    found = {}
    app = LstmtuiApp(services=services)
    async with app.run_test(size=(80, 24)) as pilot:
        for name in names:
            await app.push_screen(screen := MAKE[name](run, services))
            await until(pilot, lambda screen=screen: screen.has_class("-normal-height"))  # type: ignore[misc]
            found[name] = arrangement(screen)
            await app.pop_screen()
    return found


async def test_a_screen_looks_alike_whatever_was_opened_before(tmp_path: Path) -> None:
    run = measured(make_run(tmp_path, state="finished"), flow(1240))
    services = Services(root=tmp_path, open_model=lambda run: Model(), forecaster=FakeForecaster)
    names = tuple(MAKE)
    first, reversed_ = await arrangements(services, run, names), await arrangements(services, run, names[::-1])
    for name in names:
        assert first[name] == reversed_[name], name
