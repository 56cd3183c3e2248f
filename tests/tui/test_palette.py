"""The palette of actions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.prepared_run import alive, make_run
from support.screens import live_screen, painted, until
from textual.command import CommandPalette

from lstmtui.common.files import read_json_lines
from lstmtui.tui.app import LstmtuiApp

Open = Callable[..., LstmtuiApp]


async def test_the_palette_finds_actions_by_words(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await live_screen(pilot)
            await pilot.press("ctrl+p")
            await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
            await pilot.press(*"checkpoint now")
            await until(pilot, lambda: "Write a checkpoint now (^s)" in painted(pilot.app))
            await pilot.press("enter")
            await pilot.pause(0.1)
            if isinstance(pilot.app.screen, CommandPalette):
                await pilot.press("enter")
            await until(pilot, lambda: [r["op"] for r in read_json_lines(run.requests)[0]] == ["save"])
