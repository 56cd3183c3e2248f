"""A terminal that goes away without a word: no signal comes where it is not the one that controls the process."""

from __future__ import annotations

import select

from textual.driver import Driver

from lstmtui.tui.pastes import PasteParser

GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL if hasattr(select, "poll") else 0


def is_gone(fileno: int) -> bool:
    """Return whether nobody holds the other end of a terminal any more."""
    if not GONE:
        return False
    poll = select.poll()
    poll.register(fileno, 0)  # these three are always told
    return any(event & GONE for _, event in poll.poll(0))


def enduring(driver: type[Driver]) -> type[Driver]:
    """Return a driver like `driver` that throws away what its output thread will not write any more, and takes pastes
    in one piece.

    That thread ends with the first error of the terminal, and whoever writes then waits for ever for room in its
    queue (Textual 8.2.8, WriterThread.write and stop): the program would neither show, nor leave, nor obey a signal.
    """
    try:
        from textual.drivers import linux_driver
        from textual.drivers.linux_driver import LinuxDriver
    except ImportError:  # another system
        return driver
    linux_driver.XTermParser = PasteParser  # type: ignore[misc]  # its input thread makes one by that name

    class Enduring(LinuxDriver):
        def _writes(self) -> bool:
            return self._writer_thread is not None and self._writer_thread.is_alive()

        def write(self, data: str) -> None:
            if self._writes():
                super().write(data)

        def close(self) -> None:
            if self._writes():
                super().close()

    return Enduring if driver is LinuxDriver else driver
