"""Exit on a signal, or when the terminal hangs up.

The screens are asked to close in order, and are given a moment for it. A thread watches the clock, so that nothing can
delay the end: neither a busy event loop, nor a full queue to a terminal that does not read, nor a thread in a large
file.
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

SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM")
JOB_CONTROL = ("SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU")
"""Signals that may stop or restart a process while it exits."""
HANG_UP = 1
"""The number of SIGHUP, which some systems lack."""
HANGUP_EVENTS = select.POLLHUP | select.POLLERR | select.POLLNVAL if hasattr(select, "poll") else 0
"""What poll reports of a terminal that hung up; 0 on a system without poll."""
MAX_HANG_UP_SECONDS = 0.6
"""How long the screens may take to close when the terminal hung up."""
MAX_CLOSING_SECONDS = 3.0
"""How long they may take when the terminal is still there."""
MAX_WRITE_SECONDS = 0.2
"""How long a write waits for a terminal that does not read."""
RESTORE_SEQUENCE = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""Undoes the terminal modes that Textual's LinuxDriver sets, in its order."""


def is_hung_up(fileno: int) -> bool:
    """Return whether the other end of a terminal is closed."""
    if not HANGUP_EVENTS:
        return False
    poll = select.poll()
    poll.register(fileno, 0)  # these events are always reported
    return any(event & HANGUP_EVENTS for _, event in poll.poll(0))


class ExitMonitor:
    """Waits for a signal or the end of the terminal, and ensures that the process ends soon after.

    Used from the main thread. `leave` is called with the exit code, from another thread; it must return at once.
    """

    def __init__(self, terminal: int, leave: Callable[[int], None]) -> None:
        self._terminal, self._leave = terminal, leave
        self._attributes = _attributes(terminal)
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self.signal_number = 0
        """The signal that the process exits for, or 0."""

    def start(self) -> None:
        """Start to listen."""
        for name in SIGNALS:
            if (number := getattr(signal, name, None)) is not None:
                signal.signal(number, self._on_signal)
        threading.Thread(target=self._run, name="exit-monitor", daemon=True).start()

    def finish(self) -> None:
        """End the process at once if its terminal hung up: neither the output still buffered for it nor the threads
        that wait for it can finish."""
        if self.signal_number == HANG_UP:
            kill_children()
            os._exit(128 + HANG_UP)

    def _on_signal(self, number: int, frame: Any) -> None:
        for name in JOB_CONTROL:
            if (other := getattr(signal, name, None)) is not None:
                signal.signal(other, signal.SIG_IGN)
        with contextlib.suppress(OSError):  # the pipe is full of signals already
            os.write(self._write_end, bytes([number]))

    def _run(self) -> None:
        self.signal_number = self._wait(None)
        code = 128 + self.signal_number
        self._leave(code)
        deadline = time.monotonic() + (MAX_HANG_UP_SECONDS if self.signal_number == HANG_UP else MAX_CLOSING_SECONDS)
        while (left := deadline - time.monotonic()) > 0:
            if self.signal_number == HANG_UP:
                time.sleep(left)
            elif self._wait(left) == HANG_UP:
                self.signal_number = HANG_UP
                deadline = min(deadline, time.monotonic() + MAX_HANG_UP_SECONDS)
        kill_children()
        self._restore_terminal()
        os._exit(code)

    def _wait(self, seconds: float | None) -> int:
        """Return the number of the next signal, or SIGHUP's when the terminal hung up; 0 after `seconds` of neither."""
        if not HANGUP_EVENTS:
            if seconds is None:
                return os.read(self._read_end, 1)[0]
            time.sleep(seconds)
            return 0
        poll = select.poll()
        poll.register(self._read_end, select.POLLIN)
        poll.register(self._terminal, 0)  # a hang-up is always reported
        ready = dict(poll.poll(None if seconds is None else 1000 * seconds))
        if ready.get(self._terminal, 0) & HANGUP_EVENTS:
            return HANG_UP
        return os.read(self._read_end, 1)[0] if self._read_end in ready else 0

    def _restore_terminal(self) -> None:
        """Restore the attributes and modes of a terminal that is still there."""
        if self._attributes is None or is_hung_up(self._terminal):
            return
        import termios

        with contextlib.suppress(OSError, termios.error):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # works from the background too
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._attributes)
            out = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
            if select.select([], [out], [], MAX_WRITE_SECONDS)[1]:
                os.write(out, RESTORE_SEQUENCE)


def _attributes(terminal: int) -> list[Any] | None:
    """Return a terminal's attributes; None where it has none, or on a system without them."""
    try:
        import termios
    except ImportError:
        return None
    try:
        return termios.tcgetattr(terminal)
    except termios.error:
        return None
