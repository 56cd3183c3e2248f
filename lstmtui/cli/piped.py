"""Text from standard input: for `-` in place of a file or a text, or without an argument where a text is needed.

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
"""The name of standard input."""
MAX_TEXT = 1 << 20
"""Bytes of a text to continue, at most."""
MAX_WAIT = 0.5
"""Seconds to wait for data in a pipe where standard input is optional."""


def is_piped() -> bool:
    """Return whether standard input is a pipe, a socket (as over ssh) or a file, not a terminal or nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # closed, or replaced by something without a descriptor
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def holds_text() -> bool:
    """Return whether standard input has data, where it is optional: an idle pipe counts as empty."""
    if not is_piped() or not select.select([sys.stdin], [], [], MAX_WAIT)[0]:
        return False
    return bool(sys.stdin.buffer.peek(1))  # type: ignore[union-attr]  # a buffered reader has it


def text(given: str | None) -> str | None:
    """Return `given`, or the text of standard input if it is '-', or None and something is piped in; else None.

    The last line end, which `echo` adds, is removed. Raises UsageError.
    """
    if given not in (None, STDIN) or (given is None and not is_piped()):
        return given
    _prompt()
    data = sys.stdin.buffer.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise UsageError(f"The text on standard input exceeds {MAX_TEXT:,} bytes; give its end only.")
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError("Standard input is not UTF-8; convert it first, for example with iconv.") from None


@contextlib.contextmanager
def files(given: Sequence[str] | None, folder: Path | None = None) -> Iterator[list[str]]:
    """Yield the names of files; standard input, for '-' or without any, is one of them.

    It is stored in `folder`, or the folder of temporary files, and removed afterwards unless it was moved.
    Raises UsageError.
    """
    names = list(given or ([STDIN] if is_piped() else []))
    if not names:
        raise UsageError("No text is given: name a FILE, or pipe a text in.")
    if not all(name.strip() for name in names):
        raise UsageError("An empty text names no file; name a FILE, or '.' for all texts of the current folder.")
    if names.count(STDIN) > 1:
        raise UsageError("'-' is standard input, which can be read once; give it once.")
    if STDIN not in names:
        yield names
        return
    _prompt()
    try:
        with tempfile.TemporaryDirectory(prefix=".piped-", dir=folder) as place:
            path = Path(place, "piped.txt")
            with open_temporary(path) as file:
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
            if not path.stat().st_size:
                raise UsageError("Standard input is empty; pipe a text in, or name a FILE.")
            try:
                yield [str(path) if name == STDIN else name for name in names]
            except LstmtuiError as error:  # the advice in messages holds for '-' too: iconv and gunzip accept it
                raise type(error)(str(error).replace(str(path), STDIN)) from error
    except OSError as error:
        raise LstmtuiError(f"Standard input cannot be stored ({error.strerror or error}).") from error


def _prompt() -> None:
    if sys.stdin.isatty():
        notify("Type or paste the text; Ctrl-D on a line of its own ends it.")
