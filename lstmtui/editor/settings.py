"""What a user sets in the editor: the section `lstmtui` of its configuration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from lstmtui.protocol import MAX_CANDIDATES

SECTION = "lstmtui"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorSettings:
    """How suggestions are made."""

    run: str = ""
    """A run's name or folder; empty: the one that the server was started with."""
    candidates: int = 5
    """Words of a completion."""
    phrase: bool = True
    """Grey text continues as long as that is expected to save keystrokes, not only to the end of the word."""
    threshold: float = 0.3
    """Grey text that is less probable is not shown."""
    enabled: bool = True
    """Nothing is suggested where this is false."""


def read(given: Any, default: EditorSettings) -> tuple[EditorSettings, list[str]]:
    """Return the settings in what an editor sent, others as in `default`, and a sentence on each that is not one."""
    if given is None:
        return default, []
    if not isinstance(given, dict):
        return default, [f"The configuration '{SECTION}' must be a table of settings."]
    found, wrong = {}, []
    for field in dataclasses.fields(EditorSettings):
        value = given.get(field.name)
        if value is None:
            continue
        if problem := _problem(field.name, value):
            wrong.append(f"{SECTION}.{field.name} must be {problem}.")
        else:
            found[field.name] = value
    known = [field.name for field in dataclasses.fields(EditorSettings)]
    wrong += [
        f"There is no setting {SECTION}.{str(name)[:40]}; there are {', '.join(known)}."
        for name in given
        if name not in known
    ]
    return dataclasses.replace(default, **found), wrong


def _problem(name: str, value: Any) -> str:
    """Return what the value of a setting must be, if it is not that."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "run":
        return "" if isinstance(value, str) else "the name or folder of a run"
    if name == "candidates":
        fine = number and isinstance(value, int) and 1 <= value <= MAX_CANDIDATES
        return "" if fine else f"a whole number from 1 to {MAX_CANDIDATES}"
    if name == "threshold":
        return "" if number and 0 <= value <= 1 else "a number from 0 to 1"
    return "" if isinstance(value, bool) else "true or false"
