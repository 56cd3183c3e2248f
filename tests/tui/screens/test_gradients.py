"""The gradient-flow screen over prepared measurements: what it draws, what it says, every size and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fake_inspector import FakeInspector, broken, flow, measured, opener
from support.prepared_run import make_run
from support.screens import control_characters, painted, until
from textual.pilot import Pilot

from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens import gradients
from lstmtui.tui.screens.gradients import GradientsScreen
from lstmtui.tui.services import Services

SIZES = ((80, 24), (120, 40), (200, 60), (40, 12), (20, 5), (1, 1))


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "INTERVAL", 0.1)


async def opened(pilot: Pilot[None], run: RunFolder, model: Any = None) -> GradientsScreen:
    """Push the screen over `run`, with a door to `model`, and wait until it has looked."""
    door: Callable[[RunFolder], Any] = (
        opener(model) if isinstance(model, FakeInspector) else model or broken("No model.")
    )
    screen = GradientsScreen(run.path, Services(root=run.path.parent, open_model=door))
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and screen._was_read)
    await pilot.pause()
    return screen


async def test_vanishing_and_holding_are_told_apart(tmp_path: Path, open_app: Callable[..., LstmtuiApp]) -> None:
    run = measured(make_run(tmp_path, state="stopped"), flow(100, decay=0.995), flow(900, decay=0.7))
    async with open_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        text = painted(pilot.app)
        assert "Norm of dL/dh by lag" in text
        assert "Norm of dL/dc by lag" in text
        assert "h vanishes: below 1 % after 13 steps" in text
        assert "step 900, 2 of 2" in text
        assert "half-life 12 steps" in text
        assert "128+" in text
        await pilot.press("left")
        await until(pilot, lambda: "h holds" in painted(pilot.app))
        assert "step 100, 1 of 2" in painted(pilot.app)
        await pilot.press("end")
        await until(pilot, lambda: "h vanishes" in painted(pilot.app))


async def test_a_new_measurement_appears_by_itself(tmp_path: Path, open_app: Callable[..., LstmtuiApp]) -> None:
    run = make_run(tmp_path)
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        assert "No measurement yet" in painted(pilot.app)
        measured(run, flow(300))
        await until(pilot, lambda: "step 300, 1 of 1" in painted(pilot.app))
        measured(run, flow(600))
        await until(pilot, lambda: "step 600, 2 of 2" in painted(pilot.app))
        await pilot.press("left")
        measured(run, flow(900))
        await until(pilot, lambda: "step 300, 1 of 3" in painted(pilot.app))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
async def test_every_size(tmp_path: Path, open_app: Callable[..., LstmtuiApp], cell: str) -> None:
    run = measured(make_run(tmp_path, cell=cell, layers=3), flow(100, cell=cell, layers=3))
    async with open_app().run_test(size=(200, 60)) as pilot:
        await opened(pilot, run)
        for size in SIZES if cell == "lstm" else SIZES[:1]:
            await pilot.resize_terminal(*size)
            await pilot.press("v", "v")
            text = painted(pilot.app)
            assert len(text.splitlines()) == size[1]
            if size[0] >= 20:
                assert "vanishes" in text
            if size[1] >= 12:
                assert "┤" in text  # the axis, with a number
            if size[0] >= 80:
                assert "Layer 3" in text
                assert ("no forget gate" in text) == (cell == "rnn")


async def test_the_other_state_by_key_where_there_is_one(tmp_path: Path, open_app: Callable[..., LstmtuiApp]) -> None:
    run = measured(make_run(tmp_path, state="stopped"), flow(100))
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        assert "dL/dc by" not in painted(pilot.app)
        await pilot.press("v")
        await until(pilot, lambda: "Norm of dL/dc by lag" in painted(pilot.app))
        assert "dL/dh by" not in painted(pilot.app)
        measured(run, flow(200, cell="gru"))
        await until(pilot, lambda: screen.shown is not None and screen.shown.step == 200)
        await until(pilot, lambda: "Norm of dL/dh by lag" in painted(pilot.app))
        assert screen.check_action("state", ()) is False


async def test_measuring_now(tmp_path: Path, open_app: Callable[..., LstmtuiApp]) -> None:
    run, model = make_run(tmp_path, state="finished"), FakeInspector()
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, run, model)
        await pilot.press("g")
        await until(pilot, lambda: "Measured the checkpoint of step 1,200" in painted(pilot.app))
        assert model.asked == [("gradients", {})]
        assert "measured now, 1 of 1" in painted(pilot.app)
        assert "holds" in painted(pilot.app)
        measured(run, flow(600))
        await until(pilot, lambda: "measured now, 2 of 2" in painted(pilot.app))
        model.error = LstmtuiError("The corpus is gone; restore it.")
        await pilot.press("g")
        await until(pilot, lambda: "The corpus is gone" in painted(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: model.closed)


async def test_measuring_a_step_that_was_measured_before(tmp_path: Path, open_app: Callable[..., LstmtuiApp]) -> None:
    run, model = measured(make_run(tmp_path, state="finished"), flow(1200, decay=0.9)), FakeInspector()
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, run, model)
        await pilot.press("g")
        await until(pilot, lambda: "measured now, 2 of 2" in painted(pilot.app))


async def test_a_model_that_cannot_be_opened_is_told(tmp_path: Path, open_app: Callable[..., LstmtuiApp]) -> None:
    nasty = "No checkpoint \x1b]0;x\x07[red]yet[/]."
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, make_run(tmp_path, state="failed"), broken(nasty))
        await pilot.press("g")
        await until(pilot, lambda: "[red]yet[/]" in painted(pilot.app))
        assert control_characters(painted(pilot.app)) == set()


async def test_damaged_and_infinite_measurements_are_lived_with(
    tmp_path: Path, open_app: Callable[..., LstmtuiApp]
) -> None:
    exploding = flow(500, decay=1.2)
    exploding.h[0, 40:] = np.inf
    exploding.h[1, 3:] = 0
    run = measured(make_run(tmp_path, state="diverged"), exploding)
    (run.probes / "gradient-00000900.npz").write_bytes(b"PK\x03\x04 not a zip")
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        await until(pilot, lambda: "explodes: no longer a number at" in painted(pilot.app))
        assert "nothing at lag 60" in painted(pilot.app)


async def test_a_vanished_folder_is_no_crash(tmp_path: Path, open_app: Callable[..., LstmtuiApp]) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, RunFolder(tmp_path / "gone"))
        assert "No measurement yet" in painted(pilot.app)
