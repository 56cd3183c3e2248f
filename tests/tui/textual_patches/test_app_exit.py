"""Exits while a screen is being mounted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.screens import painted, until
from textual.app import App, ComposeResult
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Static

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.services import Services
from lstmtui.tui.textual_patches.app_exit import DeferredExitApp


class Plain(Screen[None]):
    """A screen of plain Textual."""

    def compose(self) -> ComposeResult:
        yield Static("text")

    def on_mount(self) -> None:
        self.query_one(Static).update("more text")


async def exit_while_mounting(app: App[None]) -> None:
    async with app.run_test() as pilot:
        app.push_screen(Plain())
        app.exit()
        await until(pilot, lambda: not app.is_running)


async def test_plain_textual_still_raises_when_it_exits_while_a_screen_is_mounted() -> None:
    with pytest.raises(NoMatches):
        await exit_while_mounting(App())


async def test_an_exit_waits_for_a_screen_that_is_being_mounted() -> None:
    await exit_while_mounting(DeferredExitApp())


async def test_an_exit_waits_for_the_live_screen(
    tmp_path: Path, open_app: Callable[..., LstmtuiApp], services: Services
) -> None:
    run = make_run(tmp_path, state="stopped")
    app = open_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "diary" in painted(app))
        app.push_screen(LiveScreen(run, services))
        app.exit()
        assert app._exit is False
        await until(pilot, lambda: not app.is_running)
