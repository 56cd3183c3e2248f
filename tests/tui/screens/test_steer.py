"""Steering a run from its screen: settings, undo, writing, forks."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.prepared_run import alive, make_run
from support.screens import SIZES, painted, until
from textual.pilot import Pilot

from lstmtui.common.files import append_json_line, read_json_lines
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.fork import ForkScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.sample import SampleScreen
from lstmtui.tui.screens.steer import LABELS, SETTINGS, SteerScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.panels import SamplePanel

Open = Callable[..., LstmtuiApp]


async def opened(pilot: Pilot[None], key: str, kind: type[Any]) -> Any:
    """Wait for the live screen, press `key`, and return the dialog."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.screen.view is not None)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted)
    await pilot.pause()
    return pilot.app.screen


def asked(run: RunFolder) -> list[dict[str, Any]]:
    return read_json_lines(run.requests)[0]


def answer(run: RunFolder, message: str, *, ok: bool = True) -> None:
    """Answer the newest request as an engine does."""
    append_json_line(
        run.events,
        {"event": "answered", "at": time.time(), "request": asked(run)[-1]["id"], "ok": ok, "message": message},
    )


SAID = {
    "e": (SteerScreen, "learning rate", tuple(LABELS.get(name, name.replace("_", " ")) for name in SETTINGS)),
    "f": (ForkScreen, "begins at", ("begins at", "unchanged: 2900", "diary-lstm-fork")),
    "w": (SampleScreen, "temperature", ("prompt", "temperature", "0.8")),
}
"""What opens a dialog, what it says where there is room for a line, and at 80x24."""


@pytest.mark.parametrize("key", SAID)
async def test_every_size(tmp_path: Path, open_app: Open, key: str) -> None:
    run = make_run(tmp_path)
    kind, line, all_of_it = SAID[key]
    with alive(run):
        async with open_app(run).run_test(size=(200, 60)) as pilot:
            await opened(pilot, key, kind)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                text = painted(pilot.app)
                assert len(text.splitlines()) == size[1]
                assert line in text or size[0] < 20, size
                assert size[1] < 24 or all(said in text for said in all_of_it), size


async def test_a_number_is_halved_and_doubled_before_it_is_sent(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, status={"live": {"lr": 0.006, "bptt": 32}})
    with alive(run):
        async with open_app(run).run_test(size=(120, 40)) as pilot:
            await opened(pilot, "e", SteerScreen)
            assert "Loss, nats per char" in painted(pilot.app)  # the sheet leaves the chart in view
            await pilot.press("shift+down")
            assert asked(run) == []
            chart = pilot.app.screen_stack[-2].query_one(LossChart)
            await until(pilot, lambda: bool(chart.ghost) and "becomes" in painted(pilot.app))
            assert chart.ghost[-1][0] == 2900
            await until(pilot, lambda: "2,000" in painted(pilot.app))  # the axis goes to the end of the run
            await pilot.press("shift+up", "shift+up", "enter")
            await until(pilot, lambda: len(asked(run)) == 1)
            assert (asked(run)[0]["key"], asked(run)[0]["value"]) == ("lr", 0.012)
            assert chart.ghost == ()


async def test_a_setting_is_asked_for_answered_and_shown(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, status={"live": {"lr": 0.006, "bptt": 32}})
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await opened(pilot, "e", SteerScreen)
            assert "0.006" in painted(pilot.app)
            await pilot.press(*"0.002", "enter")
            await until(pilot, lambda: len(asked(run)) == 1)
            request = asked(run)[0]
            assert (request["op"], request["key"], request["value"]) == ("set", "lr", 0.002)
            answer(run, "lr is now 0.002 (it was 0.006).")
            await until(pilot, lambda: "lr is now 0.002" in painted(pilot.app))


@pytest.mark.parametrize(
    ("typed", "said"), [("-3", "must be more than 0"), ("1e9", "at most"), ("auto", "needs a value")]
)
async def test_what_cannot_be_set_is_not_sent(tmp_path: Path, open_app: Open, typed: str, said: str) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot, "e", SteerScreen)
            screen.query_one("#lr").value = typed
            await pilot.press("enter")
            await until(pilot, lambda: said in painted(pilot.app))
            assert asked(run) == []


@pytest.mark.parametrize(("key", "op"), [("ctrl+z", "undo"), ("ctrl+s", "save"), ("ctrl+t", "pause")])
async def test_keys_ask(tmp_path: Path, open_app: Open, key: str, op: str) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await opened(pilot, "e", SteerScreen)
            await pilot.press(key)
            await until(pilot, lambda: [r["op"] for r in asked(run)] == [op])


async def test_an_answer_that_refuses_is_told(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await opened(pilot, "e", SteerScreen)
            await pilot.press("ctrl+z")
            await until(pilot, lambda: len(asked(run)) == 1)
            answer(run, "There is no [change] to undo.", ok=False)
            await until(pilot, lambda: "There is no [change] to undo." in painted(pilot.app))


async def test_what_is_being_typed_is_not_overwritten(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, status={"live": {"lr": 0.006, "clip": 1.0}})
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot, "e", SteerScreen)
            await pilot.press(*"0.00")
            run.status.write_text(
                run.status.read_text().replace('"lr": 0.006', '"lr": 0.5').replace('"clip": 1.0', '"clip": 7.0')
            )
            await until(pilot, lambda: screen.query_one("#clip").value == "7.0")
            assert screen.query_one("#lr").value == "0.00"


async def test_b_rewinds_after_a_question(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.screen.view is not None)
            await pilot.press("b")
            await until(pilot, lambda: "step 1,200?" in painted(pilot.app))
            await pilot.press("n", "b", "y")
            await until(pilot, lambda: [r["op"] for r in asked(run)] == ["rewind"])


async def test_writing_with_a_prompt_and_a_temperature(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot, "w", SampleScreen)
            await pilot.press(*"Dear ")
            screen.query_one("#temperature").value = "0"
            await pilot.press("enter")
            await until(pilot, lambda: "must be more than 0" in painted(pilot.app))
            screen.query_one("#temperature").value = "1.3"
            await pilot.press("enter")
            await until(pilot, lambda: len(asked(run)) == 1)
            request = asked(run)[0]
            assert (request["op"], request["prompt"], request["temperature"]) == ("sample", "Dear ", 1.3)


async def test_the_newest_sample_is_shown_where_one_asks_for_the_next(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, samples=())
    surprise = {"bits": [7.5, 0.2, 1.5], "copied": [1, 2], "usual": 4}
    append_json_line(run.samples, {"step": 7, "temperature": 0.8, "prompt": "", "text": "zig", **surprise})
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot, "w", SampleScreen)
            await until(pilot, lambda: "unseen text of this length shares 4" in painted(pilot.app).replace("\n", " "))
            assert screen.query_one(SamplePanel).samples[0].text == "zig"
            assert " <1  1–3  3–6  >6  bits" in painted(pilot.app)


async def test_a_translation_is_asked_for_a_sentence(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, purpose="translation", corpus=("a.en", "a.de"))
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await opened(pilot, "w", SampleScreen)
            assert "enter translates" in painted(pilot.app)
            assert "below 1 safer" not in painted(pilot.app)
            await pilot.press(*"two dogs", "enter")
            await until(pilot, lambda: len(asked(run)) == 1)
            request = asked(run)[0]
            assert (request["op"], request["prompt"]) == ("sample", "two dogs")
            assert "temperature" not in request


async def test_a_fork_is_made_started_and_opened(tmp_path: Path, services: Services, started: list[RunFolder]) -> None:
    run = make_run(tmp_path, state="finished", step=2900)
    made: list[dict[str, Any]] = []

    def fork(parent: RunFolder, **details: Any) -> tuple[RunFolder, int]:
        made.append(details)
        return make_run(tmp_path, "child", state=None), 2900

    app = LstmtuiApp(run, screen="live", services=dataclasses.replace(services, fork=fork))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, "f", ForkScreen)
        assert screen.query_one("#steps").value == "5800"  # a finished run has no steps left
        await pilot.press("right", "tab", *"0.001", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen._folder.name == "child")
        assert made == [{"at": "best", "name": None, "changes": {"lr": "0.001", "steps": "5800"}}]
        assert [r.name for r in started] == ["child"]


async def test_a_fork_that_fails_is_told(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await opened(pilot, "f", ForkScreen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: any("makes no runs" in n.message for n in pilot.app._notifications))
        assert isinstance(pilot.app.screen, LiveScreen)
