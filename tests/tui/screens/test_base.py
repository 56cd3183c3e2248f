"""Screens that are left while something is still on its way to them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.screens import FakeForecaster, until

from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.messages import RunPolled
from lstmtui.tui.palette import Palette
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.new_run import NewRunScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.services import Services

Open = Callable[..., LstmtuiApp]


async def test_a_plan_that_comes_after_the_form_was_left_is_let_go(services: Services) -> None:
    gate, asked = threading.Event(), threading.Event()

    class Slow(FakeForecaster):
        def ask(self, settings: object) -> dict[str, object]:
            asked.set()
            gate.wait(60)
            return super().ask(settings)  # type: ignore[arg-type]

    app = LstmtuiApp(services=Services(root=services.root, forecaster=Slow))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = NewRunScreen(app.services)
        app.push_screen(screen)
        await until(pilot, asked.is_set)
        screen.action_back()
        gate.set()
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and not screen.is_running)


async def test_an_engine_that_starts_after_its_screen_was_left_is_still_told(
    tmp_path: Path, services: Services
) -> None:
    gate = threading.Event()
    run = make_run(tmp_path, state="stopped")

    def start(run: RunFolder) -> None:
        gate.wait(60)

    app = LstmtuiApp(
        run, screen="live", services=Services(root=services.root, start=start, open_model=services.open_model)
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.view is not None)
        screen = app.screen
        await pilot.press("r", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and not screen.is_running)
        gate.set()
        await until(pilot, lambda: any("engine is starting" in n.message for n in app._notifications))


async def test_a_palette_beside_one_that_is_still_there(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        pilot.app.action_command_palette()
        first = pilot.app.screen
        pilot.app.push_screen(ConfirmScreen("Delete", "Really?"))
        pilot.app.action_command_palette()
        assert isinstance(pilot.app.screen, Palette)
        assert pilot.app.screen is not first
        await until(pilot, lambda: pilot.app.screen.is_mounted)


async def test_a_screen_is_drawn_before_its_data_are_read(
    tmp_path: Path, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    read = LiveScreen.read

    def drawn(app: LstmtuiApp) -> None:
        if isinstance(app.screen, LiveScreen):
            order.append("drawn")

    def reading(screen: LiveScreen) -> RunPolled:
        order.append("read")
        return read(screen)

    monkeypatch.setattr(LstmtuiApp, "post_display_hook", drawn)
    monkeypatch.setattr(LiveScreen, "read", reading)
    async with open_app(make_run(tmp_path)).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "read" in order)
    assert order[0] == "drawn"
