"""The application: its look, its global keys, and the way it leaves the terminal behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from lstmtui.runs.folder import RunFolder
from lstmtui.text import safe
from lstmtui.tui.doors import Doors
from lstmtui.tui.keys import read_alt_digits
from lstmtui.tui.screens.help import HelpScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.type import TypeScreen
from lstmtui.tui.theme import DARK, LIGHT

SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM")


class LstmtuiApp(App[None]):
    """Runs at the bottom of the stack; a live run and the typing screen lie on top."""

    TITLE = "lstmtui"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", tooltip="What this screen shows, and its keys"),
        Binding("ctrl+q", "quit", "Quit", show=False, tooltip="Leave; a run that trains goes on training"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]  # noqa: RUF012  as Textual declares it
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-line"),
        (8, "-short"),
        (20, "-normal-height"),
        (34, "-tall"),
    ]

    def __init__(self, run: RunFolder | None = None, *, screen: str = "runs", doors: Doors | None = None) -> None:
        """Open `run` on `screen` ("live" or "type"), or the list of runs when it is None."""
        super().__init__()
        read_alt_digits()
        self._run, self._first = run, screen
        self.doors = doors or Doors()

    def on_mount(self) -> None:
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self._watch_signals()
        self.push_screen(RunsScreen(self.doors))
        if self._run is not None:
            if self._first == "type":
                self.push_screen(TypeScreen(self._run, self.doors))
            else:
                self.push_screen(LiveScreen(self._run, self.doors))

    def _watch_signals(self) -> None:
        """Leave in order when asked to from outside: without this the terminal would stay in raw mode."""
        loop = asyncio.get_running_loop()
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                # Not possible off the main thread, where tests may run an app.
                with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.add_signal_handler(number, self._leave, 128 + int(number))

    def _leave(self, code: int) -> None:
        self.exit(return_code=code)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence that may quote untrusted text."""
        self.notify(safe(message), severity="error" if error else "information", markup=False)

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))
