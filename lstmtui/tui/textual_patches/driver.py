"""The driver of a terminal that may go away, be stopped and continued, and send anything at all."""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import signal
from codecs import getincrementaldecoder

from textual.driver import Driver

from lstmtui.tui.textual_patches.paste_parser import PasteParser

HANGUP_EVENTS = select.POLLHUP | select.POLLERR | select.POLLNVAL if hasattr(select, "poll") else 0
MAX_READ = 1 << 12
"""Bytes that are read from a terminal at once."""
MAX_WAIT = 0.1
"""Seconds after which the thread that reads looks whether it is to end, as Textual's does."""


def is_hung_up(fileno: int) -> bool:
    """Return whether nobody holds the other end of a terminal any more."""
    if not HANGUP_EVENTS:
        return False
    poll = select.poll()
    poll.register(fileno, 0)  # these three are always told
    return any(event & HANGUP_EVENTS for _, event in poll.poll(0))


def resilient(driver: type[Driver]) -> type[Driver]:
    """Return a driver like `driver` that ends with its terminal, and never waits for one that is gone.

    What Textual 8.2.8 does, and this does not (drivers/linux_driver.py):

    - Its output thread ends with the first error of the terminal, and whoever writes then waits for ever for room in
      its queue (WriterThread.write and stop).
    - Its input thread reads the end of a file again and again, on a whole processor, and nothing can be left while it
      does; a byte that is not UTF-8 ends the program with a traceback.
    - SIGCONT starts a second input thread beside the first, which nobody ends. The kernel sends SIGCONT behind SIGHUP
      when a terminal goes away.
    - SIGTSTP and SIGCONT write to the output thread's queue from within a signal handler, where the main thread may
      just hold the lock of that queue.
    """
    try:
        from textual.drivers.linux_driver import LinuxDriver
    except ImportError:  # another system
        return driver

    class ResilientDriver(LinuxDriver):
        _suspended = False

        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
            loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)

        def _writes(self) -> bool:
            return self._writer_thread is not None and self._writer_thread.is_alive()

        def write(self, data: str) -> None:
            if self._writes():
                super().write(data)

        def close(self) -> None:
            if self._writes():
                super().close()

        def _sigcont_application(self, *_: object) -> None:
            """Take the terminal again, in whatever state a shell has left it meanwhile."""
            if self._auto_restart and not is_hung_up(self.fileno):
                if not self._must_signal_resume:  # stopped by a signal that cannot be heard
                    self.suspend_application_mode()
                    self._must_signal_resume = True
                self.resume_application_mode()

        def run_input_thread(self) -> None:
            """Pass on what is typed; the end of the terminal is a hang-up."""
            parser, decoder = PasteParser(self._debug), getincrementaldecoder("utf-8")("replace")
            with selectors.SelectSelector() as selector:
                selector.register(self.fileno, selectors.EVENT_READ)
                while not self.exit_event.is_set():
                    if selector.select(MAX_WAIT):
                        data = _read(self.fileno)
                        if not data:
                            os.kill(os.getpid(), signal.SIGHUP)
                            return
                        if text := decoder.decode(data):  # the empty string would end the stream
                            for event in parser.feed(text):
                                self.process_message(event)
                    for event in parser.tick():
                        self.process_message(event)

    return ResilientDriver if driver is LinuxDriver else driver


def _read(fileno: int) -> bytes:
    """Return what was typed; nothing when there will be nothing any more."""
    try:
        return os.read(fileno, MAX_READ)
    except OSError:  # EIO: the terminal is gone, or is another's
        return b""
