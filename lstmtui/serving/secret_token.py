"""The token that a client sends with every request: made once, and stored where only this user can read it."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from lstmtui.common.files import write_atomically
from lstmtui.common.opening import open_to_read
from lstmtui.errors import UsageError

MIN_LENGTH = 16
"""Characters of a token that somebody has chosen."""
MAX_LENGTH = 512


def checked(token: str) -> str:
    """Return a token that was given. Raises UsageError for one that is short, or that no header can have."""
    if not MIN_LENGTH <= len(token) <= MAX_LENGTH or not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(
            f"A token has {MIN_LENGTH} to {MAX_LENGTH} letters, digits and signs, without spaces; leave it out, and "
            "one is made."
        )
    return token


def stored(path: Path) -> tuple[str, bool]:
    """Return the token in the file `path`, and whether it has just been made. Raises UsageError."""
    try:
        with open_to_read(path) as file:
            about = os.fstat(file.fileno())
            if about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o77:
                raise UsageError(f"{path}: others can read this token; remove the file, and a new one is made.")
            return checked(file.read(MAX_LENGTH + 2).decode("ascii", "replace").strip()), False
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UsageError(f"{path}: the token cannot be read ({error.strerror or error}).") from error
    token = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, token.encode() + b"\n")
    except OSError as error:
        raise UsageError(f"{path}: the token cannot be stored ({error.strerror or error}).") from error
    return token, True
