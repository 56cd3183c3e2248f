"""The application: its look, its global keys, and the way it leaves the terminal behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.console import RenderableType
from textual import events
from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.driver import Driver
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from lstmtui.common.terminal_text import safe
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui import charset
from lstmtui.tui import preferences as configuration
from lstmtui.tui.keys import bind, read_alt_digits
from lstmtui.tui.palette import ActionCommands, Palette
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.screens.help import HelpScreen
from lstmtui.tui.screens.jump import JumpScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.services import Services
from lstmtui.tui.textual_patches.driver import resilient
from lstmtui.tui.textual_patches.key_order import OrderedKeysApp
from lstmtui.tui.textual_patches.option_list import page_only_what_is_laid_out
from lstmtui.tui.theme import THEMES

FEW_COLOURS = ("standard", "windows")
NO_COLOUR = NoColor()
MOUNTING = 2.0
"""Most seconds that leaving waits for a screen to be there."""


class LstmtuiApp(OrderedKeysApp[None]):
    """Runs at the bottom of the stack; a live run and the typing screen lie on top."""

    TITLE = "lstmtui"
    CSS_PATH = "app.tcss"
    COMMANDS = App.COMMANDS | {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("f1", "help", "Help", "app.help", "What this screen and the focused part show, and their keys", show=True),
        bind("ctrl+o", "jump", "Jump", "app.jump", "Put a letter on each part of the screen, and go where one says"),
        bind("ctrl+q", "quit", "Quit", "app.quit", "Leave; a run that trains goes on training"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]  # noqa: RUF012  as Textual declares it
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-line"),
        (8, "-short"),
        (20, "-normal-height"),
        (34, "-tall"),
    ]

    def __init__(
        self,
        run: RunFolder | None = None,
        *,
        screen: str = "runs",
        services: Services | None = None,
        preferences: Preferences | None = None,
    ) -> None:
        """Open `run` on `screen` ("live" or "type"), or the list of runs when it is None."""
        super().__init__()
        read_alt_digits()
        page_only_what_is_laid_out()
        self._run, self._first = run, screen
        self._asked_to_exit = 0.0
        self._exit_code: int | None = None
        self.services = services or Services()
        self.preferences = preferences or Preferences(charset="braille")
        self.charset = charset.choose(self.preferences.charset, os.environ)
        """What is drawn with: braille, block or ascii."""
        self._charset_filter = charset.CharsetFilter(self.charset)
        for theme in THEMES:
            self.register_theme(theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = list(super().get_line_filters())
        if self.no_color:  # Textual's own filter leaves shades of grey, which are colours to a terminal
            filters.append(NO_COLOUR)
        return [*filters, self._charset_filter] if self._charset_filter.enabled else filters

    def on_load(self) -> None:
        if self._exit_code is not None:  # asked before there was an event loop
            self._leave()

    def on_mount(self) -> None:
        wanted = self.preferences.theme
        if wanted == "auto":
            few = self.console.color_system in FEW_COLOURS and not self.is_headless
            wanted = "lstmtui-ansi" if few else "lstmtui"
        self.theme = wanted
        self.watch(self, "theme", self._keep_theme, init=False)
        self.set_keymap(dict(self.preferences.keys))
        if not self.is_headless:
            # What was imported is there to stay; looking through it again and again would cost frames.
            self.call_after_refresh(gc.freeze)
        self.push_screen(RunsScreen(self.services))
        if self._run is not None:
            self.push_screen(self._screen_of(self._run))

    def _screen_of(self, run: RunFolder) -> Screen[None]:
        """Return what is opened first on a run. The list of runs comes sooner for not having it imported."""
        if self._first == "type":
            from lstmtui.tui.screens.type import TypeScreen

            return TypeScreen(run, self.services)
        from lstmtui.tui.screens.live import LiveScreen

        return LiveScreen(run, self.services)

    def get_driver_class(self) -> type[Driver]:
        return resilient(super().get_driver_class())

    async def on_event(self, event: events.Event) -> None:
        """Let keys fall that were typed while the program leaves: there is no screen for them any more."""
        if not (self._closing and isinstance(event, events.InputEvent)):
            await super().on_event(event)

    def pop_screen(self) -> AwaitComplete:
        """Leave the screen on top, but never the list of runs: a second escape may be on its way already."""
        if isinstance(self.screen, RunsScreen):
            return AwaitComplete.nothing()
        return super().pop_screen()

    def leave(self, code: int) -> None:
        """Leave in order, with that exit code; returns at once. Safe from any thread, before and after it runs."""
        self._exit_code = code
        if (loop := self._loop) is not None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self.exit(return_code=self._exit_code or 0)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave; where a screen is just being put up, as soon as it stands.

        Once it exits, Textual 8.2.8 refuses to mount anything: a screen on its way would raise (Widget.mount).
        """
        now = time.monotonic()
        self._asked_to_exit = self._asked_to_exit or now
        if self._stands() or now > self._asked_to_exit + MOUNTING:
            super().exit(result, return_code, message)
        else:
            asyncio.get_running_loop().call_later(0.01, self.exit, result, return_code, message)

    def _stands(self) -> bool:
        """Return whether nothing is being put up: all screens are there, or none has been begun."""
        if self._driver is None:
            return True
        return self._is_mounted and all(screen.is_mounted for screen in self._screen_stack)

    def _keep_theme(self, name: str) -> None:
        """Let a theme that was chosen be there the next time."""
        try:
            self.show_message(f"Theme {name}, kept in {configuration.keep_theme(name)}.")
        except LstmtuiError as error:
            self.show_message(str(error), error=True)

    def show_message(self, message: str, *, error: bool = False) -> None:
        """Show a sentence that may quote untrusted text. Safe from any thread."""
        self.notify(safe(message), severity="error" if error else "information", markup=False)

    # --- palette --------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield SystemCommand("Picture of this screen", "Save it as SVG in the current folder", self.action_picture)
        yield SystemCommand("Text of this screen", "Save it as plain text in the current folder", self.action_text)
        if not self.ansi_color:
            yield SystemCommand(
                "Theme", "Dark, light, for colour-blind eyes, of sixteen colours", self.action_change_theme
            )
        yield SystemCommand("Help", "What this screen shows, and every key", self.action_help)
        yield SystemCommand("Quit", "Leave; a run that trains goes on training", self.action_quit)

    def action_command_palette(self) -> None:
        # Without the name that Textual gives it: one may still be on its way out when the next is wanted.
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_picture(self) -> None:
        self._keep("svg", self.export_screenshot(title="lstmtui"))

    def action_text(self) -> None:
        self._keep("txt", screen_text(self))

    def _keep(self, kind: str, content: str) -> None:
        path = Path.cwd() / f"lstmtui-{time.strftime('%Y%m%d-%H%M%S')}.{kind}"
        try:
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            self.show_message(f"{path} cannot be written ({error.strerror or error}).", error=True)
            return
        self.show_message(f"Saved as {path}.")

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen | JumpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_jump(self) -> None:
        if not isinstance(self.screen, HelpScreen | JumpScreen):
            self.push_screen(JumpScreen(self.screen))


def screen_text(app: App[Any]) -> str:
    """Return the characters on the screen, line by line, without the blanks at their ends."""
    strips = app.screen._compositor.render_strips()
    lines = ["".join(segment.text for segment in strip if not segment.control).rstrip() for strip in strips]
    return "\n".join(lines) + "\n"
