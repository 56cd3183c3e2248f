"""Fixtures of screen tests: doors to nowhere, and an application over them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from support.screens import FakeForecaster, FakeModel
from textual.pilot import Pilot

from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens import live, new_run, runs
from lstmtui.tui.services import Services
from lstmtui.tui.textual_patches.key_order import OrderedKeysApp


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the folders more often than a person would want, so that tests do not wait."""
    for screen in (live, runs):
        monkeypatch.setattr(screen, "INTERVAL", 0.2)
    monkeypatch.setattr(new_run, "PLAN_DELAY", 0.05)


@pytest.fixture(autouse=True)
def _keys_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `pilot.press` return when the keys have done their work: Textual's waits until the processor seems idle,
    and takes a process that others keep from running for one that has nothing to do."""
    press = Pilot.press

    async def press_and_wait(self: Pilot[object], *keys: str) -> None:
        await press(self, *keys)
        app = self.app
        while isinstance(app, OrderedKeysApp) and app.is_running and not app._exit and not app.keys_done:
            await asyncio.sleep(0.002)

    monkeypatch.setattr(Pilot, "press", press_and_wait)


@pytest.fixture(autouse=True)
def _sizes_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `pilot.resize_terminal` return when the screen has that size, for the same reason."""
    resize = Pilot.resize_terminal

    async def resize_and_wait(self: Pilot[object], width: int, height: int) -> None:
        await resize(self, width, height)
        until = time.monotonic() + 10
        while self.app.screen._compositor.size != (width, height) and time.monotonic() < until:
            await asyncio.sleep(0.002)

    monkeypatch.setattr(Pilot, "resize_terminal", resize_and_wait)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def started() -> list[RunFolder]:
    """The runs whose engine was asked to start."""
    return []


@pytest.fixture
def forecaster() -> FakeForecaster:
    return FakeForecaster()


@pytest.fixture
def services(tmp_path: Path, model: FakeModel, forecaster: FakeForecaster, started: list[RunFolder]) -> Services:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise LstmtuiError("This test makes no runs.")

    return Services(
        root=tmp_path, drafts=tmp_path / "typed", open_model=lambda run: model, create=refuse, fork=refuse,
        start=started.append, forecaster=lambda: forecaster,
    )  # fmt: skip


@pytest.fixture
def open_app(services: Services) -> Callable[..., LstmtuiApp]:
    def make(run: RunFolder | None = None, screen: str = "live") -> LstmtuiApp:
        return LstmtuiApp(run, screen=screen if run else "runs", services=services)

    return make
