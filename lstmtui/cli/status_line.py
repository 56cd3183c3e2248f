"""One line on stderr that is written over: what is heard at present, below the lines that stay."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import Any

from lstmtui.cli.progress import Progress
from lstmtui.common.terminal_text import one_line

_CLEAR = "\r\x1b[K"


class StatusLine:
    """The line on a terminal; elsewhere a line of progress every ten seconds, and nothing of what may still change."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._lines = Progress()
        self._shown = False

    def __enter__(self) -> StatusLine:
        return self

    def __exit__(self, *of_error: Any) -> None:
        self.clear()

    def show(self, text: str, line: str = "") -> None:
        """Show `text`, the end of it where it is too long; without a terminal `line`, if it is time for one."""
        if not self._terminal:
            self._lines.show("", None, line=line)
            return
        width = shutil.get_terminal_size((80, 24)).columns - 1
        text = one_line(text)
        self._write(_CLEAR + (text if len(text) <= width else "…" + text[1 - width :]))
        self._shown = True

    def clear(self) -> None:
        """Remove the line, before something that stays is written."""
        if self._shown:
            self._write(_CLEAR)
            self._shown = False

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal is closed; the work goes on
            sys.stderr.write(text)
            sys.stderr.flush()
