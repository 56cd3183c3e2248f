"""Screens that read the run folder at intervals, in a thread, and receive what was read as a message."""

from __future__ import annotations

from abc import abstractmethod

from textual import work

from lstmtui.tui.messages import PollResult
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.textual_patches.screen import Result


class PollingScreen(BaseScreen[Result]):
    """Calls `read` in a thread, one call at a time, and posts the PollResult that it returns.

    A screen that is covered by another reads nothing, which would only take time from the engine.
    """

    _reading = False
    _last_error = ""

    @property
    def is_visible(self) -> bool:
        """Whether the screen is on top, or shows through a dialog on top.

        `is_current` alone is also true of a screen that another one covers (Textual 8.2.8).
        """
        return self.is_active or (self.is_current and self.app.screen.is_modal)

    def poll_every(self, seconds: float) -> None:
        """Read once the screen has been drawn, which does not wait for data, and again every `seconds`."""
        self.set_interval(seconds, self.poll)
        self.call_after_refresh(self.poll)

    def poll(self) -> None:
        """Start a read, unless one is running."""
        if self.is_visible and not self._reading:
            self._reading = True
            self._read_in_thread()

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.poll)

    @abstractmethod
    def read(self) -> PollResult:
        """Read a bounded amount, in the thread, without touching a widget."""

    @work(thread=True, group="read")
    def _read_in_thread(self) -> None:
        try:
            self.post_message(self.read())
        except Exception as error:  # an unforeseen file must not end the application
            message = f"The files cannot be read ({type(error).__name__}: {error})."
            if message != self._last_error:
                self._last_error = message
                self.show_message(message, error=True)
        finally:
            self._reading = False
