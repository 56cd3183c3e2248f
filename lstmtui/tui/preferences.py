"""Theme, character set and keys of the screens: the table [screens] of the user's configuration.

    [screens]
    theme = "lstmtui-light"
    charset = "block"

    [screens.keys]              # names as help (F1) shows them; commas separate several keys
    "live.pause" = "p,space"

The options --theme and --charset, and LSTMTUI_THEME and LSTMTUI_CHARSET, override it. A theme chosen in the palette is
written there; the rest of the file stays as it was.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.common.files import FormatError, parse_toml, write_atomically
from lstmtui.errors import UsageError

CHARSETS = ("auto", "braille", "block", "ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The user's choices."""

    theme: str = "auto"
    """The name of a theme; "auto" is the dark one, or the one of sixteen colours where a terminal has no more."""
    charset: str = "auto"
    """One of CHARSETS."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by the name of their binding."""


def load(
    *, theme: str | None = None, charset: str | None = None, environ: Mapping[str, str] | None = None
) -> Preferences:
    """Merge options, environment and the user's configuration, in that order. Raises UsageError."""
    environ = os.environ if environ is None else environ
    path = config.user_file()
    table = _table(path) if path is not None else {}
    chosen = {
        "theme": theme or environ.get("LSTMTUI_THEME") or table.get("theme", "auto"),
        "charset": charset or environ.get("LSTMTUI_CHARSET") or table.get("charset", "auto"),
    }
    for name, value in chosen.items():
        if not isinstance(value, str):
            raise UsageError(f"{path}: screens.{name} must be a text, not {reprlib.repr(value)}.")
    if chosen["charset"] not in CHARSETS:
        raise UsageError(f"charset must be one of {', '.join(CHARSETS)}, not {reprlib.repr(chosen['charset'])}.")
    keys = table.get("keys", {})
    if not isinstance(keys, dict) or not all(isinstance(key, str) and key.strip(", ") for key in keys.values()):
        raise UsageError(f'{path}: screens.keys must name keys, for example "live.pause" = "p,space".')
    return Preferences(theme=chosen["theme"], charset=chosen["charset"], keys=keys)


def _table(path: Path) -> dict[str, Any]:
    try:
        table = parse_toml(path.read_bytes()).get("screens", {})
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except FormatError as error:
        raise UsageError(f"{path}: not valid TOML ({error}).") from error
    if not isinstance(table, dict):
        raise UsageError(f"{path}: screens must be a table.")
    for name in table:
        if name not in ("theme", "charset", "keys"):
            raise UsageError(f"{path}: unknown setting screens.{name}; there are theme, charset and keys.")
    return table


def save_theme(name: str) -> Path:
    """Write the theme `name` into the user's configuration, which is created if missing, and return its path.

    Raises UsageError when the file cannot be read or written, or when its theme cannot be set in one line.
    """
    path = (config.user_file() or config.user_folder() / "config.toml").resolve()  # a link stays a link
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        written = with_theme(text, name)
        if written != text:
            write_atomically(path, written.encode())
    except OSError as error:
        raise UsageError(f"{path}: the theme cannot be saved ({error.strerror or error}).") from error
    except (FormatError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML ({error}); the theme is not saved.") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    return path


_HEADER = re.compile(r"^[ \t]*\[[ \t]*screens[ \t]*\][^\n]*\n?", re.MULTILINE)
_THEME = re.compile(r"""^([ \t]*theme[ \t]*=[ \t]*)("[^"\n]*"|'[^'\n]*')""", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def with_theme(text: str, name: str) -> str:
    """Return the configuration `text` with screens.theme set to `name`, and no other character changed.

    Raises ValueError where it cannot be set in one line, and FormatError for invalid TOML.
    """
    expected = parse_toml(text.encode())
    expected.setdefault("screens", {})["theme"] = name
    quoted = json.dumps(name)
    if header := _HEADER.search(text):
        end = following.start() if (following := _TABLE.search(text, header.end())) else len(text)
        if found := _THEME.search(text, header.end(), end):
            written = text[: found.start(2)] + quoted + text[found.end(2) :]
        else:
            line = header.group() if header.group().endswith("\n") else header.group() + "\n"
            written = text[: header.start()] + line + f"theme = {quoted}\n" + text[header.end() :]
    else:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        written = f"{text}{gap}[screens]\ntheme = {quoted}\n"
    try:
        same = parse_toml(written.encode()) == expected
    except FormatError:
        same = False
    if not same:
        raise ValueError(f"the theme cannot be saved there; please write theme = {quoted} into [screens] yourself.")
    return written


def check_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`, else raise UsageError that names the nearest."""
    choices = list(choices)
    if value in choices:
        return value
    close = difflib.get_close_matches(value, choices, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(choices)}."
    raise UsageError(f"There is no {name} {reprlib.repr(value)}; {hint}")
