"""Fixtures of screen tests: doors to nowhere, and an application over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from screen_tests import FakeModel

from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.doors import Doors
from lstmtui.tui.screens import live, runs


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the folders more often than a person would want, so that tests do not wait."""
    for screen in (live, runs):
        monkeypatch.setattr(screen, "INTERVAL", 0.2)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def started() -> list[RunFolder]:
    """The runs whose engine was asked to start."""
    return []


@pytest.fixture
def doors(tmp_path: Path, model: FakeModel, started: list[RunFolder]) -> Doors:
    def create() -> RunFolder:
        raise LstmtuiError("This test makes no runs.")

    return Doors(root=tmp_path, open_model=lambda run: model, create=create, start=started.append)


@pytest.fixture
def open_app(doors: Doors) -> Callable[..., LstmtuiApp]:
    def make(run: RunFolder | None = None, screen: str = "live") -> LstmtuiApp:
        return LstmtuiApp(run, screen=screen if run else "runs", doors=doors)

    return make
