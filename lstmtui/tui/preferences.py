"""Theme, character set and keys of the screens: the table [screens] of the user's configuration.

    [screens]
    theme = "lstmtui-light"
    charset = "block"
    layout = "hidden 2, panels 0.4"     # of the live screen, as it was left

    [screens.keys]              # names as help (F1) shows them; commas separate several keys
    "live.pause" = "p,space"

The options --theme and --charset, and LSTMTUI_THEME and LSTMTUI_CHARSET, override it. A theme chosen in the palette and
the layout of the live screen are written there; the rest of the file stays as it was.
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
from lstmtui.tui.panel_layout import PanelLayout, parse

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
    layout: PanelLayout = field(default_factory=PanelLayout)
    """Of the live screen."""


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
    layout = table.get("layout", "")
    if not isinstance(layout, str):
        raise UsageError(f"{path}: screens.layout must be a text, not {reprlib.repr(layout)}.")
    return Preferences(theme=chosen["theme"], charset=chosen["charset"], keys=keys, layout=parse(layout))


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
        if name not in ("theme", "charset", "layout", "keys"):
            raise UsageError(f"{path}: unknown setting screens.{name}; there are theme, charset, layout and keys.")
    return table


def save(setting: str, value: str) -> Path:
    """Write the `setting` theme or layout into the user's configuration, created if missing, and return its path.

    Raises UsageError when the file cannot be read or written, or when the setting cannot be set in one line.
    """
    path = (config.user_file() or config.user_folder() / "config.toml").resolve()  # a link stays a link
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        written = with_setting(text, setting, value)
        if written != text:
            write_atomically(path, written.encode())
    except OSError as error:
        raise UsageError(f"{path}: the {setting} cannot be saved ({error.strerror or error}).") from error
    except (FormatError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML ({error}); the {setting} is not saved.") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    return path


_HEADER = re.compile(r"^[ \t]*\[[ \t]*screens[ \t]*\][^\n]*\n?", re.MULTILINE)
_SETTING = r"""^([ \t]*{}[ \t]*=[ \t]*)("[^"\n]*"|'[^'\n]*')"""
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def with_setting(text: str, setting: str, value: str) -> str:
    """Return the configuration `text` with a setting of screens set to `value`, and no other character changed.

    Raises ValueError where it cannot be set in one line, and FormatError for invalid TOML.
    """
    expected = parse_toml(text.encode())
    expected.setdefault("screens", {})[setting] = value
    quoted = json.dumps(value)
    if header := _HEADER.search(text):
        end = following.start() if (following := _TABLE.search(text, header.end())) else len(text)
        if found := re.compile(_SETTING.format(setting), re.MULTILINE).search(text, header.end(), end):
            written = text[: found.start(2)] + quoted + text[found.end(2) :]
        else:
            line = header.group() if header.group().endswith("\n") else header.group() + "\n"
            written = text[: header.start()] + line + f"{setting} = {quoted}\n" + text[header.end() :]
    else:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        written = f"{text}{gap}[screens]\n{setting} = {quoted}\n"
    try:
        same = parse_toml(written.encode()) == expected
    except FormatError:
        same = False
    if not same:
        raise ValueError(
            f"the {setting} cannot be saved there; please write {setting} = {quoted} into [screens] yourself."
        )
    return written


def check_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`, else raise UsageError that names the nearest."""
    choices = list(choices)
    if value in choices:
        return value
    close = difflib.get_close_matches(value, choices, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(choices)}."
    raise UsageError(f"There is no {name} {reprlib.repr(value)}; {hint}")
