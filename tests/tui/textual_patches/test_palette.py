"""A palette that is closed before its search begins."""

from __future__ import annotations

from collections.abc import Callable

from support.screens import until
from textual.app import App
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.worker import Worker

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.palette import Palette


async def late_search(app: App[None], palette: CommandPalette) -> Worker[None]:
    """Start a search in a palette that has been closed, and return its worker when it has finished."""
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(palette)
        await until(pilot, lambda: palette.is_mounted and bool(palette.query("CommandList")))
        palette.dismiss()
        await until(pilot, lambda: not palette.is_running)
        worker: Worker[None] = palette._gather_commands("x")
        worker.exit_on_error = False
        await until(pilot, lambda: worker.is_finished)
    return worker


async def test_plain_textual_still_raises_in_a_search_that_begins_late() -> None:
    assert isinstance((await late_search(App(), CommandPalette())).error, NoMatches)


async def test_a_search_that_begins_late_finds_nothing(open_app: Callable[..., LstmtuiApp]) -> None:
    assert (await late_search(open_app(), Palette())).error is None


async def test_a_search_that_begins_when_the_list_is_gone_finds_nothing(open_app: Callable[..., LstmtuiApp]) -> None:
    app, palette = open_app(), Palette()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(palette)
        await until(pilot, lambda: palette.is_mounted and bool(palette.query("CommandList")))
        await palette.query("CommandList").remove()
        worker: Worker[None] = palette._gather_commands("x")
        worker.exit_on_error = False
        await until(pilot, lambda: worker.is_finished)
        assert worker.error is None
