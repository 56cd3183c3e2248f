"""Text that is piped in: `-` where a file or a text is asked for, or no argument where nothing else can be meant.

cat diary.txt | lstmtui train          echo "Dear " | lstmtui complete RUN          lstmtui evaluate RUN < new.txt
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lstmtui.cli.output import notify
from lstmtui.common.opening import open_temporary
from lstmtui.errors import LstmtuiError, UsageError

STDIN = "-"
"""Stands for standard input."""
MAX_TEXT = 1 << 20
"""Bytes of a text to go on from, at most."""
PATIENCE = 0.5
"""Seconds that a pipe is given to hold something where nobody asked for it."""


def is_piped() -> bool:
    """Return whether standard input is a pipe, a socket (as over ssh) or a file, not a terminal or nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # closed, or replaced by something without a descriptor
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def holds_text() -> bool:
    """Return whether something is piped in, where it need not be: an idle pipe is not waited for."""
    if not is_piped() or not select.select([sys.stdin], [], [], PATIENCE)[0]:
        return False
    return bool(sys.stdin.buffer.peek(1))  # type: ignore[union-attr]  # a buffered reader has it


def text(given: str | None) -> str | None:
    """Return `given`, or what is piped in where that is '-' or None; None for neither.

    One line end at its end is left out, which `echo` adds. Raises UsageError.
    """
    if given not in (None, STDIN) or (given is None and not is_piped()):
        return given
    _invite()
    data = sys.stdin.buffer.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise UsageError(f"What is piped in is longer than {MAX_TEXT:,} bytes; give its end only.")
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError("What is piped in is no UTF-8 text; convert it first, for example with iconv.") from None


@contextlib.contextmanager
def files(given: Sequence[str] | None, folder: Path | None = None) -> Iterator[list[str]]:
    """Give the names of files, what is piped in as one of them: where it is '-', or where none is given.

    It lies in `folder`, or where temporary files do, and is gone afterwards if it was not moved. Raises UsageError.
    """
    names = list(given or ([STDIN] if is_piped() else []))
    if not names:
        raise UsageError("No text is given: name a FILE, or pipe a text in.")
    if not all(name.strip() for name in names):
        raise UsageError("An empty text names no file; name a FILE, or '.' for all texts of the current folder.")
    if names.count(STDIN) > 1:
        raise UsageError("'-' stands for the text that is piped in, which can be read once; give it once.")
    if STDIN not in names:
        yield names
        return
    _invite()
    try:
        with tempfile.TemporaryDirectory(prefix=".piped-", dir=folder) as place:
            path = Path(place, "piped.txt")
            with open_temporary(path) as file:
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
            if not path.stat().st_size:
                raise UsageError("Nothing was piped in; give a text, or name a FILE.")
            try:
                yield [str(path) if name == STDIN else name for name in names]
            except LstmtuiError as error:  # '-' is what iconv and gunzip call it too, in what is advised
                raise type(error)(str(error).replace(str(path), STDIN)) from error
    except OSError as error:
        raise LstmtuiError(f"The text that is piped in cannot be kept ({error.strerror or error}).") from error


def _invite() -> None:
    if sys.stdin.isatty():
        notify("Type or paste the text; Ctrl-D on a line of its own ends it.")
