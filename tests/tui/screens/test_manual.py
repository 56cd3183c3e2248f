"""The manual, from help and from the palette."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.screens import SIZES, painted, until
from textual.pilot import Pilot
from textual.widgets import Markdown, OptionList

from lstmtui import manual
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.manual import ManualScreen, PagePanel
from lstmtui.tui.screens.runs import RunsScreen

Open = Callable[..., LstmtuiApp]


async def opened(pilot: Pilot[None]) -> ManualScreen:
    """Open the manual from help and return its screen."""
    await pilot.press("f1", "f1")
    await until(pilot, lambda: isinstance(pilot.app.screen, ManualScreen) and pilot.app.screen.is_usable)
    screen = pilot.app.screen
    assert isinstance(screen, ManualScreen)
    return screen


def title(screen: ManualScreen) -> str:
    return str(screen.query_one(PagePanel).border_title)


async def test_help_leads_to_the_pages_and_escape_back(open_app: Open) -> None:
    titles = list(manual.pages().values())
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: all(t in painted(pilot.app) for t in titles))
        await pilot.press("down", "enter")
        await until(pilot, lambda: titles[1] in painted(pilot.app) and titles[5] not in painted(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: titles[5] in painted(pilot.app))
        assert screen.query_one("#pages").has_focus
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


async def test_a_wide_terminal_shows_the_list_beside_the_page(open_app: Open) -> None:
    titles = list(manual.pages().values())
    async with open_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: titles[-1] in painted(pilot.app) and "lstmtui train" in painted(pilot.app))


async def test_pages_turn_and_headings_are_reached(open_app: Open) -> None:
    names = list(manual.pages())
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        screen.action_turn(names.index("cells"))
        await pilot.press("enter")
        await until(pilot, lambda: title(screen) == manual.pages()["cells"] and len(screen.query("MarkdownH2")) > 3)
        panel = screen.query_one(PagePanel)
        await until(pilot, lambda: panel.max_scroll_y > 0)
        await pilot.press("]", "]")
        await until(pilot, lambda: panel.scroll_offset.y > 0)
        second = panel.scroll_offset.y
        await pilot.press("]")
        await until(pilot, lambda: panel.scroll_offset.y > second)
        await pilot.press("[")
        await until(pilot, lambda: panel.scroll_offset.y == second)
        await pilot.press("right")
        await until(pilot, lambda: title(screen) == list(manual.pages().values())[names.index("cells") + 1])
        await until(pilot, lambda: panel.scroll_offset.y == 0)


async def test_a_link_to_a_page_opens_it(open_app: Open) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        screen.post_message(Markdown.LinkClicked(screen.query_one(Markdown), "gpu.md"))
        await until(pilot, lambda: title(screen) == manual.pages()["gpu"])
        screen.post_message(Markdown.LinkClicked(screen.query_one(Markdown), "https://example.org"))
        await pilot.pause()
        assert title(screen) == manual.pages()["gpu"]


@pytest.mark.parametrize("name", list(manual.pages()))
async def test_every_page_at_every_size(open_app: Open, name: str) -> None:
    async with open_app().run_test(size=(200, 60)) as pilot:
        screen = await opened(pilot)
        screen.action_turn(list(manual.pages()).index(name))
        screen.query_one("#pages", OptionList).action_select()
        await until(pilot, lambda: title(screen) == manual.pages()[name])
        for size in SIZES:
            await pilot.resize_terminal(*size)
            assert len(painted(pilot.app).splitlines()) == size[1]


async def test_the_palette_opens_the_manual_once(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        pilot.app.action_manual()
        assert sum(isinstance(screen, ManualScreen) for screen in pilot.app.screen_stack) == 1
