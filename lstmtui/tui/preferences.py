"""How the screens look and which keys they have: the table [screens] of the user's configuration.

    [screens]
    theme = "lstmtui-light"
    charset = "block"

    [screens.keys]              # names as help (F1) shows them; several keys are parted by commas
    "live.pause" = "p,space"

LSTMTUI_THEME and LSTMTUI_CHARSET, and the options --theme and --charset, come before it.
"""

from __future__ import annotations

import difflib
import os
import reprlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.errors import UsageError

CHARSETS = ("auto", "braille", "block", "ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a person likes."""

    theme: str = "auto"
    """A theme's name; "auto" is the dark one, or that of sixteen colours where a terminal has no more."""
    charset: str = "auto"
    """One of CHARSETS."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by the name of a binding."""


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
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("screens", {})
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML ({error}).") from error
    if not isinstance(table, dict):
        raise UsageError(f"{path}: screens must be a table.")
    for name in table:
        if name not in ("theme", "charset", "keys"):
            raise UsageError(f"{path}: unknown setting screens.{name}; there are theme, charset and keys.")
    return table


def one_of(name: str, given: str, known: Iterable[str]) -> str:
    """Return `given` if it is known, else raise UsageError with the nearest."""
    known = list(known)
    if given in known:
        return given
    close = difflib.get_close_matches(given, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(known)}."
    raise UsageError(f"There is no {name} {reprlib.repr(given)}; {hint}")
