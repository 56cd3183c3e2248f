"""Leaving when asked from outside: by a signal, or by a terminal that goes away.

The screens are asked to close in order, and have a moment for it. Nothing can hold up the end: a busy event loop, a
full queue to a terminal that takes nothing, a thread that reads a large file. A thread of its own watches the clock.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from lstmtui.client.process import kill_children
from lstmtui.tui.textual_patches.driver import HANGUP_EVENTS, is_hung_up

SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM")
JOB_CONTROL = ("SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU")
"""What may stop a process, or start it anew, while it leaves."""
HANG_UP = 1
"""The number of SIGHUP, which some systems do not have."""
MAX_HANG_UP_SECONDS = 0.6
"""How long the screens may take to close when nobody looks at them any more."""
MAX_CLOSING_SECONDS = 3.0
"""How long they may take when the terminal is still there."""
MAX_WRITE_SECONDS = 0.2
"""How long a terminal that takes nothing is waited for."""
RESTORED = b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
"""What takes the modes back that the screens put a terminal into, in their order (Textual's LinuxDriver)."""


class ExitWatch:
    """Listens for signals and for the end of the terminal, and sees to it that the process ends soon after.

    Used from the main thread. `leave` is called with the exit code, from another thread; it must return at once.
    """

    def __init__(self, terminal: int, leave: Callable[[int], None]) -> None:
        self._terminal, self._leave = terminal, leave
        self._attributes = _attributes(terminal)
        self._listen, self._speak = os.pipe()
        os.set_blocking(self._speak, False)
        self.asked = 0
        """The number of the signal that the process leaves for, or 0."""

    def start(self) -> None:
        """Listen from now on."""
        for name in SIGNALS:
            if (number := getattr(signal, name, None)) is not None:
                signal.signal(number, self._on_signal)
        threading.Thread(target=self._watch, name="exit-watch", daemon=True).start()

    def end(self) -> None:
        """End the process here and now where its terminal is gone: what is still buffered for it cannot be written,
        and threads that wait for it are not waited for."""
        if self.asked == HANG_UP:
            kill_children()
            os._exit(128 + HANG_UP)

    def _on_signal(self, number: int, frame: Any) -> None:
        for name in JOB_CONTROL:
            if (other := getattr(signal, name, None)) is not None:
                signal.signal(other, signal.SIG_IGN)
        with contextlib.suppress(OSError):  # full: it has been told often enough
            os.write(self._speak, bytes([number]))

    def _watch(self) -> None:
        self.asked = self._wait(None)
        code = 128 + self.asked
        self._leave(code)
        deadline = time.monotonic() + (MAX_HANG_UP_SECONDS if self.asked == HANG_UP else MAX_CLOSING_SECONDS)
        while (left := deadline - time.monotonic()) > 0:
            if self.asked == HANG_UP:
                time.sleep(left)
            elif self._wait(left) == HANG_UP:
                self.asked = HANG_UP
                deadline = min(deadline, time.monotonic() + MAX_HANG_UP_SECONDS)
        kill_children()
        self._restore()
        os._exit(code)

    def _wait(self, seconds: float | None) -> int:
        """Return the number of the next signal, or SIGHUP's when the terminal is gone; 0 after `seconds` of neither."""
        if not HANGUP_EVENTS:  # a system without poll: without such terminals, too
            if seconds is None:
                return os.read(self._listen, 1)[0]
            time.sleep(seconds)
            return 0
        poll = select.poll()
        poll.register(self._listen, select.POLLIN)
        poll.register(self._terminal, 0)  # a hang-up is always reported
        ready = dict(poll.poll(None if seconds is None else 1000 * seconds))
        if ready.get(self._terminal, 0) & HANGUP_EVENTS:
            return HANG_UP
        return os.read(self._listen, 1)[0] if self._listen in ready else 0

    def _restore(self) -> None:
        """Give a terminal that is still there back as it was found."""
        if self._attributes is None or is_hung_up(self._terminal):
            return
        import termios

        with contextlib.suppress(OSError, termios.error):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # also from the background
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._attributes)
            out = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
            if select.select([], [out], [], MAX_WRITE_SECONDS)[1]:
                os.write(out, RESTORED)


def _attributes(terminal: int) -> list[Any] | None:
    """Return how a terminal is set; None where it does not say, or on a system that has no such settings."""
    try:
        import termios
    except ImportError:
        return None
    try:
        return termios.tcgetattr(terminal)
    except termios.error:
        return None
