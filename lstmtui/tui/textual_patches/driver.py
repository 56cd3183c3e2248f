"""The driver of a terminal that may hang up, be stopped and continued, and send any bytes.

LinuxDriver of Textual 8.2.8 (drivers/linux_driver.py):

- Its output thread ends with the first error of the terminal; the next writer then waits for ever for room in its queue
  (WriterThread.write and stop).
- Its input thread reads the end of a file again and again, using a whole processor, and the application cannot exit
  while it does. A byte that is not UTF-8 ends the program with a traceback.
- SIGCONT starts a second input thread beside the first, which is never ended. The kernel sends SIGCONT after SIGHUP
  when a terminal hangs up.
- SIGTSTP and SIGCONT write to the output thread's queue from within a signal handler, while the main thread may hold
  the lock of that queue.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
from codecs import getincrementaldecoder

from textual.driver import Driver

from lstmtui.tui.exit_monitor import is_hung_up
from lstmtui.tui.textual_patches.paste_parser import PasteParser

PRIVATE_NAMES = (
    "textual.drivers.linux_driver:LinuxDriver._auto_restart",
    "textual.drivers.linux_driver:LinuxDriver._debug",
    "textual.drivers.linux_driver:LinuxDriver._must_signal_resume",
    "textual.drivers.linux_driver:LinuxDriver._sigcont_application",
    "textual.drivers.linux_driver:LinuxDriver._sigtstp_application",
    "textual.drivers.linux_driver:LinuxDriver._writer_thread",
    "textual.drivers.linux_driver:LinuxDriver.run_input_thread",
)
MAX_READ = 1 << 12
"""Bytes read from a terminal at once."""
MAX_WAIT = 0.1
"""Seconds between two checks of the input thread for its end, as in Textual."""


def resilient(driver: type[Driver]) -> type[Driver]:
    """Return a driver like `driver` that ends with its terminal, and never waits for one that has hung up."""
    try:
        from textual.drivers.linux_driver import LinuxDriver
    except ImportError:  # another system
        return driver

    class ResilientDriver(LinuxDriver):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
            loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)

        def _can_write(self) -> bool:
            return self._writer_thread is not None and self._writer_thread.is_alive()

        def write(self, data: str) -> None:
            if self._can_write():
                super().write(data)

        def close(self) -> None:
            if self._can_write():
                super().close()

        def _sigcont_application(self, *_: object) -> None:
            """Take the terminal back, whatever state a shell has left it in."""
            if self._auto_restart and not is_hung_up(self.fileno):
                if not self._must_signal_resume:  # stopped by SIGSTOP, which cannot be handled
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
    """Return what was typed; empty at the end of the input."""
    try:
        return os.read(fileno, MAX_READ)
    except OSError:  # EIO: the terminal hung up, or belongs to another process group
        return b""
