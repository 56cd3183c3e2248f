"""Runs that are broken, each in its own way, hide no other and end no screen."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.damaged_runs import break_run
from support.fake_inspector import FakeInspector, flow, measured, opener
from support.prepared_run import make_run
from support.screens import FakeForecaster, control_characters, painted, until
from textual.pilot import Pilot
from textual.screen import Screen

from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.compare import CompareScreen
from lstmtui.tui.screens.gradients import GradientsScreen
from lstmtui.tui.screens.inspect import InspectScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.services import Services

ROUNDS = 60 if os.environ.get("THOROUGH") else 2
BROKEN = 3
"""Broken runs beside a whole one."""


def many(root: Path, seed: int) -> tuple[RunFolder, dict[RunFolder, str]]:
    """Make a whole run and several broken ones; return them, and how each is broken."""
    source = random.Random(seed)
    broken = {}
    for number in range(BROKEN):
        run = make_run(root, f"broken-{number}", state=source.choice(("finished", "stopped", "training")), probes=1)
        measured(run, flow(1240))
        broken[run] = break_run(run, source)
    return measured(make_run(root, "whole", state="finished"), flow(1240)), broken


async def shown(pilot: Pilot[None], screen: Screen[Any], ready: Callable[[], object]) -> str:
    """Open a screen, wait for it, and return what is painted."""
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and screen.is_mounted and ready())
    text = painted(pilot.app)
    assert control_characters(text) == set()
    pilot.app.pop_screen()
    await until(pilot, lambda: pilot.app.screen is not screen)
    return text


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_broken_runs_hide_no_other_and_end_no_screen(tmp_path: Path, seed: int) -> None:
    whole, broken = many(tmp_path, seed)
    services = Services(
        root=tmp_path, drafts=tmp_path / "typed", open_model=opener(FakeInspector()), start=lambda run: None,
        forecaster=FakeForecaster,
    )  # fmt: skip
    async with LstmtuiApp(services=services).run_test(size=(120, 40)) as pilot:
        home = pilot.app.screen
        assert isinstance(home, RunsScreen)
        await until(pilot, lambda: home.runs is not None and "whole" in painted(pilot.app))
        for _ in range(BROKEN):  # the curve and figures of each
            await pilot.press("down")
        compared = CompareScreen([whole.path, *(run.path for run in broken)], services)
        await shown(pilot, compared, lambda: len(compared.entries) == BROKEN + 1 and "whole" in painted(pilot.app))
        for run in (whole, *broken):
            live = LiveScreen(run, services)
            await shown(pilot, live, lambda screen=live, name=run.name: screen.view and name in painted(pilot.app))  # type: ignore[misc]
            gradients = GradientsScreen(run.path, services)
            await shown(pilot, gradients, lambda screen=gradients: screen._was_read)  # type: ignore[misc]
            assert run is not whole or [found.step for found in gradients.flows] == [1240]
        inspect = InspectScreen(next(iter(broken)).path, services)  # it reads no file, but asks a model
        await shown(pilot, inspect, lambda: inspect._text)
    assert pilot.app._exception is None


async def test_what_is_wrong_with_a_run_is_said(tmp_path: Path) -> None:
    make_run(tmp_path, "whole", state="finished")
    bad = make_run(tmp_path, "broken", state="finished")
    bad.config.write_text("corpus = [\n")
    services = Services(root=tmp_path, drafts=tmp_path / "typed", open_model=opener(FakeInspector()))
    async with LstmtuiApp(services=services).run_test(size=(120, 40)) as pilot:
        home = pilot.app.screen
        assert isinstance(home, RunsScreen)
        await until(pilot, lambda: home.runs is not None and len(home.runs) == 2)
        await pilot.press("down" if home.current is None or home.current.run.name == "whole" else "up")
        text = painted(pilot.app)
        while "config.toml" not in text:
            await pilot.press("down")
            text = painted(pilot.app)
        compared = CompareScreen([run.run.path for run in home.runs or ()], services)
        await shown(pilot, compared, lambda: "'broken' cannot be" in painted(pilot.app))
        await shown(pilot, LiveScreen(bad, services), lambda: "config.toml" in painted(pilot.app))
