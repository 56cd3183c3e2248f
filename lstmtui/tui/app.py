"""The application: themes, global keys, the command palette, and its exit."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

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
from lstmtui.tui.keys import bind
from lstmtui.tui.palette import ActionCommands, Palette
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.screens.help import HelpScreen
from lstmtui.tui.screens.jump import JumpScreen
from lstmtui.tui.services import Services
from lstmtui.tui.textual_patches import alt_digits, option_list
from lstmtui.tui.textual_patches.changed_cells import ChangedCellsApp
from lstmtui.tui.textual_patches.driver import resilient
from lstmtui.tui.textual_patches.screen_text import screen_text
from lstmtui.tui.theme import THEMES

if TYPE_CHECKING:
    from lstmtui.tui.screens.runs import RunsScreen

SIXTEEN_COLOURS = ("standard", "windows")
"""Rich's names of terminals with sixteen colours."""


class LstmtuiApp(ChangedCellsApp[None]):
    """The list of runs is the lowest screen. A run that the app opens with has it beneath as soon as it is left."""

    TITLE = "lstmtui"
    CSS_PATH = "app.tcss"
    ALLOW_IN_MAXIMIZED_VIEW = "KeyBar"
    COMMANDS = App.COMMANDS | {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        bind(
            "help",
            "help",
            "Help",
            "app.help",
            "What this screen and its focused part show, their keys, and the manual",
            typing=True,
        ),
        bind("jump", "jump", "Jump", "app.jump", "Put a letter on each part of the screen; its key focuses that part"),
        bind(
            "redraw", "redraw", "Redraw", "app.redraw", "Draw the whole screen again, where a program has written on it"
        ),
        bind("quit", "quit", "Quit", "app.quit", "Quit; runs continue to train", typing=True),
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
        alt_digits.apply()
        option_list.apply()
        self._first_run, self._first_screen = run, screen
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._exit_code: int | None = None
        self._lowest: RunsScreen | None = None
        self.services = services or Services()
        self.preferences = preferences or Preferences(charset="braille")
        self.panel_layout = self.preferences.layout
        """Of the live screen, as it was left."""
        self.charset = charset.choose(self.preferences.charset, os.environ)
        """The characters that charts are drawn with: braille, block or ascii."""
        self._charset_filter = charset.CharsetFilter(self.charset)
        for theme in THEMES:
            self.register_theme(theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = list(super().get_line_filters())
        if self.no_color:  # Textual's own filter leaves shades of grey, which are colours to a terminal
            filters.append(NoColor())
        return [*filters, self._charset_filter] if self._charset_filter.enabled else filters

    def on_load(self) -> None:
        self._event_loop = asyncio.get_running_loop()
        if self._exit_code is not None:  # `leave` was called before there was an event loop
            self._leave()

    def on_mount(self) -> None:
        theme = self.preferences.theme
        if theme == "auto":
            sixteen = self.console.color_system in SIXTEEN_COLOURS and not self.is_headless
            theme = "lstmtui-ansi" if sixteen else "lstmtui"
        self.theme = theme
        self.watch(self, "theme", self._save_theme, init=False)
        self.set_keymap(dict(self.preferences.keys))
        if not self.is_headless:
            self.call_after_refresh(begin_collecting)
        self.push_screen(self._list_of_runs() if self._first_run is None else self._screen_of(self._first_run))

    def _list_of_runs(self) -> Screen[None]:
        """Return the lowest screen, imported here so that a run opens sooner."""
        from lstmtui.tui.screens.runs import RunsScreen

        self._lowest = RunsScreen(self.services)
        return self._lowest

    def _screen_of(self, run: RunFolder) -> Screen[None]:
        """Return the first screen of a run, imported here so that the list of runs opens sooner."""
        if self._first_screen == "type":
            from lstmtui.tui.screens.typing_screen import typing_screen

            return typing_screen(run, self.services)
        from lstmtui.tui.screens.live import LiveScreen

        return LiveScreen(run, self.services)

    def get_driver_class(self) -> type[Driver]:
        return resilient(super().get_driver_class())

    def pop_screen(self) -> AwaitComplete:
        """Leave the screen on top, unless it is the list of runs: a second escape may be on its way already."""
        if self.screen is self._lowest:
            return AwaitComplete.nothing()
        if self._lowest is None and len(self.screen_stack) == 2:  # Textual's own screen, and the first one of a run
            return self.switch_screen(self._list_of_runs())
        return super().pop_screen()

    def leave(self, code: int) -> None:
        """Exit in order, with that exit code; returns at once. Safe from any thread, before and after the app runs."""
        self._exit_code = code
        if self._event_loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._event_loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self.exit(return_code=self._exit_code or 0)

    def _save_theme(self, name: str) -> None:
        """Store a theme that was chosen, for the next start."""
        try:
            self.show_message(f"Theme {name}, saved in {configuration.save('theme', name)}.")
        except LstmtuiError as error:
            self.show_message(str(error), error=True)

    def show_message(self, message: str, *, error: bool = False) -> None:
        """Show a notification, which may quote untrusted text. Safe from any thread."""
        self.notify(safe(message), severity="error" if error else "information", markup=False)

    # --- palette --------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield SystemCommand("Picture of this screen", "Save it as SVG in the current folder", self.action_picture)
        yield SystemCommand("Text of this screen", "Save it as plain text in the current folder", self.action_text)
        if not self.ansi_color:
            yield SystemCommand("Theme", "Dark, light, colour-blind, or sixteen colours", self.action_change_theme)
        if screen is self._lowest:
            yield SystemCommand("Demo", "A recorded run, played back in 20 seconds", screen.action_demo)
        yield SystemCommand("Manual", "Read the pages of the manual", self.action_manual)
        yield SystemCommand("Help", "What this screen shows, and every key", self.action_help)
        yield SystemCommand("Quit", "Quit; runs continue to train", self.action_quit)

    def action_command_palette(self) -> None:
        # Without the id that Textual gives it: the one before may not be removed yet.
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_picture(self) -> None:
        self._save("svg", self.export_screenshot(title="lstmtui"))

    def action_text(self) -> None:
        self._save("txt", screen_text(self))

    def _save(self, kind: str, content: str) -> None:
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

    def action_manual(self) -> None:
        """Open the manual in place of the help that leads to it."""
        from lstmtui.tui.screens.manual import ManualScreen

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        if not any(isinstance(screen, ManualScreen) for screen in self.screen_stack):
            self.push_screen(ManualScreen())

    def action_jump(self) -> None:
        if not isinstance(self.screen, HelpScreen | JumpScreen):
            self.push_screen(JumpScreen(self.screen))


def begin_collecting() -> None:
    """Collect garbage from now on, except what was imported, which stays: collecting that again would cost frames."""
    gc.freeze()
    gc.enable()
