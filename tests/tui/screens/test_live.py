"""The live screen over prepared folders: every state, every size, every key."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.prepared_run import alive, make_run
from support.screens import SIZES, control_characters, painted, until
from textual.pilot import Pilot

from lstmtui.common.files import append_json_line, read_json_lines
from lstmtui.runs.folder import STATES, RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.inspect import InspectScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.type import TypeScreen
from lstmtui.tui.widgets.gate_map import GateMap
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.panels import SamplePanel
from lstmtui.tui.workers import pending_requests

LIVING = ("starting", "preparing", "compiling", "measuring", "training", "evaluating", "paused")
SAID = {
    "starting": "The engine is starting",
    "preparing": "turning it into tokens",
    "compiling": "7 of 24 kernels are done",
    "measuring": "Timing a few steps",
    "training": "after 10 steps",
    "evaluating": "Reading the validation text",
    "paused": "space continues",
    "finished": "Finished.",
    "stopped": "Stopped at step 0",
    "failed": "The disk is full; make room.",
    "diverged": "infinite or not a number",
}
Open = Callable[..., LstmtuiApp]


async def seen(pilot: Pilot[None]) -> LiveScreen:
    """Wait until the live screen has read its run, and return it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.screen.view is not None)
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, LiveScreen)
    return screen


def asked(run: RunFolder) -> list[str]:
    return [record["op"] for record in read_json_lines(run.requests)[0]]


def test_every_state_is_tried() -> None:
    assert set(SAID) == set(STATES)


async def test_every_state_has_words(tmp_path: Path, open_app: Open) -> None:
    """At 80x24, before the first point."""
    compiling = {"compiling": "stepping.step", "compiling_kernels": 24, "compiling_done": 0.292, "steps": 0}
    run = make_run(tmp_path, points=False, samples=(), probes=0, step=0, status=compiling)
    told = json.loads(run.status.read_text())
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        for state, said in SAID.items():
            message = "The disk is full; make room." if state == "failed" else ""
            with alive(run) if state in LIVING else contextlib.nullcontext():
                run.status.write_text(json.dumps({**told, "state": state, "message": message}))
                await until(pilot, lambda said=said: said in painted(pilot.app))  # type: ignore[misc]
                assert state in painted(pilot.app).splitlines()[0]
                assert ("7/24 kernels ━" in painted(pilot.app)) == (state == "compiling")


async def test_the_count_of_kernels_goes_on(tmp_path: Path, open_app: Open) -> None:
    compiling = {"compiling": "stepping.step", "compiling_kernels": 24, "steps": 0, "state": "compiling"}
    run = make_run(tmp_path, points=False, samples=(), probes=0, step=0, status=compiling)
    told = json.loads(run.status.read_text())
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        with alive(run):
            for done in (7, 12):
                run.status.write_text(json.dumps({**told, "compiling_done": done / 24}))
                await until(pilot, lambda done=done: f"{done} of 24 kernels" in painted(pilot.app))  # type: ignore[misc]


async def test_a_run_that_never_started(tmp_path: Path, open_app: Open, started: list[RunFolder]) -> None:
    run = make_run(tmp_path, state=None)
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        assert "r starts it" in painted(pilot.app)
        await pilot.press("r")
        await until(pilot, lambda: started == [run])


async def test_a_dead_engine_is_told_from_a_living_one(
    tmp_path: Path, open_app: Open, started: list[RunFolder]
) -> None:
    run = make_run(tmp_path, state="training")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        assert "The engine died at step 1,240" in painted(pilot.app)
        await pilot.press("r")
        await until(pilot, lambda: started == [run])


async def test_a_vanished_folder_keeps_what_was_seen(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        shutil.rmtree(run.path)
        await until(pilot, lambda: "folder is gone" in painted(pilot.app))
        assert "1.477" in painted(pilot.app)
        await pilot.press("r", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


async def test_an_engine_that_does_not_answer_is_told(
    tmp_path: Path, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_requests, "MAX_ANSWER_SECONDS", 0.1)
    run = make_run(tmp_path, beat=time.time() - 40)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await seen(pilot)
            assert "The engine has not reported for 4" in painted(pilot.app)
            await pilot.press("ctrl+s")
            await until(pilot, lambda: any("has not answered" in n.message for n in pilot.app._notifications))


WEIRD = (float("nan"), float("-inf"), -1, 10**400, True, "x", [], {"a": None}, None)


async def test_a_status_of_any_kind_is_lived_with(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    told = json.loads(run.status.read_text())
    with alive(run):
        async with open_app(run).run_test(size=(120, 40)) as pilot:
            screen = await seen(pilot)
            for number, weird in enumerate(WEIRD):
                changed = {**dict.fromkeys(told, weird), "state": "training", "mark": number, "preparing_done": weird}
                run.status.write_text(json.dumps({**changed, "result": weird, "live": weird, "compiling_done": weird}))
                await until(pilot, lambda n=number, s=screen: s.view.snapshot.status.get("mark") == n)  # type: ignore[misc]
                append_json_line(run.events, {"event": "set", "step": weird, "at": weird, "key": weird, "value": weird})
                await pilot.press("escape")
                await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
                await pilot.press("enter")
                screen = await seen(pilot)


async def test_every_size(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, layers=3)
    with alive(run):
        async with open_app(run).run_test(size=(200, 60)) as pilot:
            await seen(pilot)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await pilot.press("v")
                # On a busy machine a screen of a new size is painted a little later.
                if size[1] >= 5:
                    await until(pilot, lambda: "1,240" in painted(pilot.app) and "1.477" in painted(pilot.app))
                text = painted(pilot.app)
                assert len(text.splitlines()) == size[1]
                if size[1] >= 12:
                    assert "◆" in text
                if size[1] >= 24:
                    assert "temperature 0.8" in text
                    assert "0.9" in text  # in the legend, or on the axis of values


@pytest.mark.parametrize("cell", ["gru", "rnn"])
async def test_gates_of_other_cells(tmp_path: Path, open_app: Open, cell: str) -> None:
    async with open_app(make_run(tmp_path, cell=cell, state="stopped")).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        assert ("2·z" in painted(pilot.app)) == (cell == "gru")
        assert "2·h" in painted(pilot.app) or cell == "gru"


async def test_resizing_loses_nothing(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        before = painted(pilot.app)
        for size in ((1, 1), (20, 5), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.05)
        await until(pilot, lambda: painted(pilot.app).splitlines()[3:22] == before.splitlines()[3:22])


@pytest.mark.parametrize(("key", "op"), [("space", "pause"), ("ctrl+s", "save")])
async def test_keys_ask_the_engine(tmp_path: Path, open_app: Open, key: str, op: str) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await seen(pilot)
            await pilot.press(key)
            await until(pilot, lambda: asked(run) == [op])
            await until(pilot, lambda: f"asked to {op}" in painted(pilot.app))
            request = read_json_lines(run.requests)[0][0]["id"]
            append_json_line(
                run.events,
                {"event": "answered", "at": time.time(), "request": request, "ok": True, "message": "Very well."},
            )
            await until(pilot, lambda: "Very well." in painted(pilot.app))
            assert "asked to" not in painted(pilot.app)


async def test_space_continues_a_paused_run(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="paused")
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await seen(pilot)
            assert "Continue" in painted(pilot.app).splitlines()[-1]
            await pilot.press("space")
            await until(pilot, lambda: asked(run) == ["continue"])


async def test_a_refusal_is_shown(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await seen(pilot)
            await pilot.press("ctrl+s")
            await until(pilot, lambda: asked(run) == ["save"])
            request = read_json_lines(run.requests)[0][0]["id"]
            append_json_line(
                run.events, {"event": "answered", "request": request, "ok": False, "message": "Disk [full]"}
            )
            await until(pilot, lambda: any("Disk [full]" in n.message for n in pilot.app._notifications))


async def test_stop_asks_first(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await seen(pilot)
            await pilot.press("ctrl+x")
            await pilot.pause()
            assert "end its engine?" in painted(pilot.app)
            await pilot.press("escape")
            await seen(pilot)
            await pilot.press("ctrl+x", "n", "ctrl+x", "y")
            await until(pilot, lambda: asked(run) == ["stop"])


async def test_keys_of_a_living_engine_do_nothing_after_it_ended(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="finished")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        await pilot.press("space", "ctrl+s", "ctrl+x", "r")
        await pilot.pause()
        assert isinstance(pilot.app.screen, LiveScreen)
        assert not run.requests.exists()
        assert "Resume" not in painted(pilot.app).splitlines()[-1]


async def test_older_texts_stay_while_new_ones_arrive(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, samples=("first text", "second text"))
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await seen(pilot)
            assert "second text" in painted(pilot.app)
            await pilot.press("left")
            await until(pilot, lambda: "first text" in painted(pilot.app))
            append_json_line(run.samples, {"step": 2000, "temperature": 0.8, "prompt": "", "text": "third text"})
            await until(pilot, lambda: len(pilot.app.screen.query_one(SamplePanel).samples) == 3)
            await until(pilot, lambda: "1 of 3" in painted(pilot.app))
            assert "first text" in painted(pilot.app)
            await pilot.press("right", "right", "right")
            await until(pilot, lambda: "third text" in painted(pilot.app))


async def test_units_and_gate_views_change_by_key(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await seen(pilot)
            assert "nats per char" in painted(pilot.app)
            assert "by unit" in painted(pilot.app)
            await pilot.press("u", "v")
            await until(pilot, lambda: "bits per character" in painted(pilot.app))
            assert "by training time" in painted(pilot.app)


async def test_escape_goes_to_the_runs_and_t_types(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="finished")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen))
        await pilot.press("escape")
        await seen(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


@pytest.mark.parametrize("key", ["f1", "question_mark"])
async def test_help_tells_the_keys(tmp_path: Path, open_app: Open, key: str) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await seen(pilot)
        await pilot.press(key)
        await until(pilot, lambda: "escape closes" in painted(pilot.app))
        await pilot.press(*"resume")
        await until(pilot, lambda: "exactly where the run stopped" in painted(pilot.app))
        await pilot.press("escape")
        await seen(pilot)


async def test_hostile_text_leaves_no_control_character(tmp_path: Path, open_app: Open) -> None:
    nasty = "\x1b]0;owned\x07\x1b[31m\x9b2J[red]bold[/][@click=app.quit]x[/] \u202eabc\u200b\x00\x7f\r\n end"
    run = make_run(
        tmp_path,
        state="failed",
        samples=(nasty,),
        message=nasty,
        events=[{"event": nasty, "step": 3, nasty: nasty}],
        corpus=(f"/tmp/{nasty}",),
        status={"preparing": nasty},
    )
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await seen(pilot)
        text = painted(pilot.app)
        assert control_characters(text) == set()
        assert "[red]bold[/]" in text
        assert "owned" in text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and "failed" in painted(pilot.app))
        assert control_characters(painted(pilot.app)) == set()


async def test_damaged_files_are_lived_with(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    for path in (run.metrics, run.events, run.samples):
        with path.open("ab") as file:
            file.write(b'\xff\xfe{"split": "train", "step":\n{"split": "train"}\n[1,2]\nnull\n{"torn')
    (run.probes / "saturation-99999999.npz").write_bytes(b"PK\x03\x04 not a zip")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        assert "1.477" in painted(pilot.app)
        assert "Gates by unit" in painted(pilot.app)


@pytest.mark.parametrize("broken", ["", "format = 99\n", "format = 1\nhiden = 3\n", "\x00"])
async def test_a_damaged_config_is_said(tmp_path: Path, open_app: Open, broken: str) -> None:
    run = make_run(tmp_path, state="stopped")
    run.config.write_text(broken)
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        assert "failed" in painted(pilot.app)
        said = "".join(painted(pilot.app).split())  # a long path is broken over lines
        assert "config.toml" in said


@pytest.mark.parametrize("part", ["LossChart", "#sample", "#gates"])
async def test_z_gives_a_panel_the_whole_screen_and_takes_it_back(tmp_path: Path, open_app: Open, part: str) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        screen = await seen(pilot)
        screen.query_one(part).focus()
        before = painted(pilot.app)
        await pilot.press("z")
        await until(pilot, lambda: "Figures" not in painted(pilot.app))
        assert "Pause" in painted(pilot.app) or "Resume" in painted(pilot.app)  # the footer stays
        await pilot.press("escape")
        await until(pilot, lambda: "Figures" in painted(pilot.app))
        assert pilot.app.screen is screen
        assert len(painted(pilot.app)) == len(before)


async def test_the_chart_is_drawn_as_asked(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await seen(pilot)
        await pilot.press("y", "s", "a", "plus")
        await until(pilot, lambda: "by tokens, zoomed" in painted(pilot.app))
        await pilot.press("0", "y", "s", "s", "s", "a", "a")
        await until(pilot, lambda: "nats per char, log ─" in painted(pilot.app))


async def test_every_view_of_the_gates_has_a_title(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await seen(pilot)
        of_one = ("1·i: units by training time", "1·i: values by training time", "1·i: units by character")
        for said in ("by training time", *of_one, "Gate i, each unit"):
            await pilot.press("v")
            await until(pilot, lambda said=said: said in painted(pilot.app))  # type: ignore[misc]
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "Gate f, each unit" in painted(pilot.app))


async def test_a_unit_of_the_gates_is_found_by_cursor_and_inspected(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await seen(pilot)
        pilot.app.screen.query_one("#gates").focus()
        await pilot.press("v", "v", "left", "down")
        await until(pilot, lambda: "% shut" in painted(pilot.app))
        units = pilot.app.screen.query_one(GateMap).pointed.units
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, InspectScreen))
        assert (pilot.app.screen.depth, pilot.app.screen.unit) == (0, units[0])


async def test_one_cursor_runs_through_the_loss_and_the_gates(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await seen(pilot)
        screen = pilot.app.screen
        chart, gates = screen.query_one(LossChart), screen.query_one(GateMap)
        chart.focus()
        await pilot.press("v", "v", "left", "H")
        await until(pilot, lambda: gates.marked == chart.step_at() is not None)
        screen.query_one("#gates").focus()
        await pilot.press("H", "left", "left")
        await until(pilot, lambda: gates.pointed is not None and chart.step_at() == gates.pointed.probe.step)


async def test_what_was_changed_is_marked_on_the_curve(tmp_path: Path, open_app: Open) -> None:
    events = [{"event": "set", "key": "lr", "before": 0.01, "value": 0.0025, "step": 700}]
    run = make_run(tmp_path, state="stopped", events=events)
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        assert "▼lr 0.0025" in painted(pilot.app)


@pytest.mark.parametrize(("key", "kind"), [("g", "GradientsScreen"), ("i", "InspectScreen")])
async def test_keys_open_what_looks_inside(tmp_path: Path, open_app: Open, key: str, kind: str) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await seen(pilot)
        await pilot.press(key)
        await until(pilot, lambda: type(pilot.app.screen).__name__ == kind)
        await pilot.press("escape")
        await seen(pilot)
