"""The first frame, drawn before Textual is imported: that takes most of the time until a screen is there."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from lstmtui.common.terminal_text import one_line

BEGIN, END = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J", "\x1b[?25h\x1b[?1049l"
"""The alternate screen without a cursor, emptied, which Textual enters again; and the way back."""
SIGNALS = ("SIGHUP", "SIGTERM")


@contextlib.contextmanager
def opening(name: str | None) -> Iterator[None]:
    """Show that a run, or the list of runs, is being opened; leave the terminal as it was where that fails.

    A signal before the screens can answer ends the process.
    """
    # Before anything is written, so that no signal finds the terminal changed and nobody to change it back.
    before = {number: signal.signal(number, _end) for number in _numbers()}
    try:
        write(frame(name, *os.get_terminal_size(sys.stdout.fileno())))
        yield
    except BaseException:
        write(END)
        raise
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is _end:
                signal.signal(number, handler)


def frame(name: str | None, columns: int, rows: int) -> str:
    """Return what is written: a line with the name at the top, and one in the middle."""
    title = one_line(f" lstmtui  {name or 'runs'}", columns)
    said = one_line("opening ...", columns)
    return f"{BEGIN}{title}\x1b[{max(1, rows // 2)};{max(1, (columns - len(said)) // 2)}H{said}"


def write(text: str) -> None:
    """Write to the terminal, which may have hung up."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), text.encode())


def _end(number: int, _: Any) -> None:
    write(END)
    os._exit(128 + number)


def _numbers() -> list[int]:
    return [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
