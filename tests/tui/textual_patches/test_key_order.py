"""What is typed in one go goes where it would have gone if it had been typed slowly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.screens import painted, typed, until
from textual.app import App, ComposeResult
from textual.widgets import Input, OptionList

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.textual_patches import key_order
from lstmtui.tui.textual_patches.key_order import OrderedKeysApp
from lstmtui.tui.widgets.typing_area import TypingArea

Open = Callable[..., LstmtuiApp]


def filtered(app: LstmtuiApp) -> str:
    """Return what stands in the filter of the runs; nothing while they are not on top."""
    return app.screen.query_one("#filter", Input).value if isinstance(app.screen, RunsScreen) else ""


def written(app: LstmtuiApp) -> str:
    """Return what stands in the typing screen; nothing while it is not on top, or not there yet."""
    return "".join(area.text for area in app.screen.query(TypingArea))


class Filtered(App[None]):
    """A list, and a filter that a key focuses."""

    BINDINGS = [("slash", "filter", "Filter")]  # noqa: RUF012  as Textual declares it

    def compose(self) -> ComposeResult:
        yield OptionList("a", "b")
        yield Input()

    def action_filter(self) -> None:
        self.query_one(Input).focus()


class OrderedFiltered(OrderedKeysApp[None], Filtered):
    """The same with its keys in order."""


async def filter_typed_at_once(app: App[None]) -> str:
    """Return what reaches the filter of "/ab" typed at once."""
    async with app.run_test() as pilot:
        typed(app, "slash", "a", "b")
        for _ in range(20):
            await pilot.pause(0.01)
        return app.query_one(Input).value


async def test_plain_textual_still_loses_keys_typed_at_once() -> None:
    assert await filter_typed_at_once(Filtered()) != "ab"


async def test_keys_typed_at_once_are_all_delivered() -> None:
    assert await filter_typed_at_once(OrderedFiltered()) == "ab"


async def test_keys_reach_what_the_key_before_them_opened(tmp_path: Path, open_app: Open) -> None:
    for name in ("diary", "novel"):
        make_run(tmp_path, name, state="stopped")
    app = open_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "novel" in painted(app))
        typed(app, *"/nov")
        await until(pilot, lambda: filtered(app) == "nov")
        typed(app, "escape", "t", *"Hello")
        await until(pilot, lambda: written(app) == "Hello")
        typed(app, "escape", "n", "escape", "enter", "escape", *"/x")
        await until(pilot, lambda: filtered(app) == "x")


async def test_a_key_that_went_away_with_its_widget_holds_nothing_up(
    tmp_path: Path, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "MAX_KEY_SECONDS", 0.1)
    monkeypatch.setattr(LstmtuiApp, "on_key_delivered", lambda self, message: None)
    make_run(tmp_path, "diary", state="stopped")
    app = open_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "diary" in painted(app))
        typed(app, *"/dia")
        await until(pilot, lambda: filtered(app) == "dia")
