"""Screens that are dismissed twice, or receive events while they are taken down."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from support.screens import painted, until
from textual.app import App, ComposeResult, ScreenStackError
from textual.errors import NoWidget
from textual.events import MouseDown
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.confirm import ConfirmScreen

Open = Callable[..., LstmtuiApp]


class Plain(ModalScreen[None]):
    """A screen of plain Textual."""

    def compose(self) -> ComposeResult:
        yield Static("Really?")


def press_mouse_on_removed_widget(screen: Screen[object]) -> None:
    """Press a button on a widget that has lost its parent, as one that is being removed has."""
    removed = screen.query(Static).first()
    x, y = removed.region.offset
    parent, removed._parent = removed._parent, None
    try:
        screen._forward_event(MouseDown(screen, x, y, 0, 0, 1, False, False, False, x, y))
    finally:
        removed._parent = parent


async def test_plain_textual_still_raises_on_a_second_dismissal() -> None:
    async with App[None]().run_test() as pilot:
        screen = Plain()
        await pilot.app.push_screen(screen)
        screen.dismiss()
        assert screen.is_mounted  # although its widgets are being removed
        with pytest.raises(ScreenStackError):
            screen.dismiss()


async def test_plain_textual_still_raises_on_a_mouse_press_on_a_removed_widget() -> None:
    async with App[None]().run_test() as pilot:
        screen = Plain()
        await pilot.app.push_screen(screen)
        await pilot.pause()
        with pytest.raises((AttributeError, AssertionError, NoWidget)):
            press_mouse_on_removed_widget(screen)


async def test_a_mouse_press_on_a_widget_that_is_being_removed_is_dropped(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = ConfirmScreen("Delete", "Really?")
        pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.is_usable and "Really?" in painted(pilot.app))
        press_mouse_on_removed_widget(screen)


async def test_a_second_dismissal_does_nothing(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = ConfirmScreen("Delete", "Really?")
        pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.is_usable)
        screen.dismiss(None)
        screen.dismiss(None)
        assert not screen.is_usable
        await until(pilot, lambda: pilot.app.screen is not screen and not screen.is_running)


async def test_calls_of_a_thread_run_while_the_screen_is_usable_and_never_after(open_app: Open) -> None:
    called: list[int] = []
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = ConfirmScreen("Delete", "Really?")
        pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.is_usable)
        thread = threading.Thread(target=screen.call_if_usable, args=(called.append, 1))
        thread.start()
        await until(pilot, lambda: called == [1])
        screen.call_if_usable(called.append, 2)
        screen.dismiss(None)
        screen.call_if_usable(called.append, 3)
        await until(pilot, lambda: pilot.app.screen is not screen and not screen.is_running)
        assert called == [1]
