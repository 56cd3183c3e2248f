"""Screens that look at the run folder again and again, in a thread, and are told by a message what was found."""

from __future__ import annotations

from abc import abstractmethod

from textual import work

from lstmtui.tui.messages import PollResult
from lstmtui.tui.screens.base import BaseScreen, Result


class PollingScreen(BaseScreen[Result]):
    """Calls `read` in a thread, one call at a time, and posts the Look that it returns.

    Beneath another screen nobody looks, and reading would only take time from the engine; so nothing is read there.
    """

    _reading = False
    _problem = ""
    """What was last said about reading."""

    @property
    def is_seen(self) -> bool:
        """Whether it is on top, or shows through the dialog that is.

        `is_current` is true also of the screen that lies beneath one which covers it (Textual 8.2.8).
        """
        return self.is_active or (self.is_current and self.app.screen.is_modal)

    def read_every(self, seconds: float) -> None:
        """Read now, and again after so many seconds each time."""
        self.set_interval(seconds, self.poll)
        self.poll()

    def poll(self) -> None:
        """Read, unless that is being done already."""
        if self.is_seen and not self._reading:
            self._reading = True
            self._read_in_thread()

    def on_screen_resume(self) -> None:
        self.poll()

    @abstractmethod
    def read(self) -> PollResult:
        """Read a bounded piece, in the thread; touches no widget."""

    @work(thread=True, group="read")
    def _read_in_thread(self) -> None:
        try:
            self.post_message(self.read())
        except Exception as error:  # one file that nobody has thought of must not end the screens
            said = f"The files cannot be read ({type(error).__name__}: {error})."
            if said != self._problem:
                self._problem = said
                self.show_message(said, error=True)
        finally:
            self._reading = False
