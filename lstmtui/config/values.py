"""Conversion and validation of setting values from options, variables and files."""

from __future__ import annotations

import difflib
import math
import os
import reprlib
from collections.abc import Sequence
from typing import Any

from lstmtui.config.settings import FIELDS, Settings, base_type
from lstmtui.errors import UsageError

MAX_INTEGER = 2**63 - 1
"""The largest integer that TOML, NumPy and the kernels can represent."""

MIN_LIKENESS = 0.7
"""Minimum similarity, from 0 to 1, of an unknown name to the known name that an error suggests."""


def nearest(key: str, known: Sequence[str] = tuple(FIELDS)) -> str:
    """Return ` (did you mean ...?)` for the known key nearest to `key`, or nothing."""
    close = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1, cutoff=MIN_LIKENESS)
    return f" (did you mean '{close[0]}'?)" if close else ""


_KIND_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", tuple: "a list of names"}
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def convert(name: str, raw: object, where: str) -> Any:
    """Convert `raw` (a TOML value or a string) to the type of field `name`, and check it.

    Raises UsageError, whose message begins with `where`.
    """
    if name not in FIELDS:
        raise UsageError(f"{where}: unknown setting {reprlib.repr(name)}{nearest(name)}.")
    kind, optional = base_type(name)
    if optional and (raw is None or raw == "auto"):
        return None
    value = _parsed(raw, kind)
    if value is None:
        raise UsageError(f"{where}: {name} must be {_KIND_NAMES[kind]}, not {reprlib.repr(raw)}.")
    _check_encodable(name, value, where)
    _check(name, value, where)
    return value


def _parsed(raw: object, kind: type) -> Any:
    """Return `raw` as `kind`; None if it cannot be converted."""
    if kind is tuple:
        parts = raw.split(os.pathsep) if isinstance(raw, str) else raw
        return tuple(parts) if isinstance(parts, Sequence) and all(isinstance(p, str) for p in parts) else None
    if kind is bool:
        return raw if isinstance(raw, bool) else _BOOLEANS.get(str(raw).lower())
    if kind is str:
        return raw if isinstance(raw, str) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        number = float(raw) if kind is float else int(raw)
    except (ValueError, OverflowError):
        return None
    return None if kind is int and isinstance(raw, float) and raw != number else number


def _check_encodable(name: str, value: Any, where: str) -> None:
    """Raise UsageError for text that is not UTF-8; file names may hold any bytes."""
    try:
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, tuple):
            list(map(os.fsencode, value))
    except UnicodeEncodeError:
        raise UsageError(f"{where}: {name} is not UTF-8 text ({reprlib.repr(value)}); give it in UTF-8.") from None


def _check(name: str, value: Any, where: str) -> None:
    metadata = FIELDS[name].metadata
    if metadata["choices"] and value not in metadata["choices"]:
        hint = nearest(str(value), metadata["choices"])
        raise UsageError(
            f"{where}: {name} must be one of {', '.join(metadata['choices'])}, not {reprlib.repr(value)}{hint}."
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = metadata["low"], metadata["high"]
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{where}: {name} must be a finite number, not {value}.")
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise UsageError(f"{where}: {name} is too large a number.")
        if low is not None and (value < low or (metadata["open_low"] and value == low)):
            relation = "more than" if metadata["open_low"] else "at least"
            raise UsageError(f"{where}: {name} must be {relation} {low}, not {value}.")
        if high is not None and value > high:
            raise UsageError(f"{where}: {name} must be at most {high}, not {value}.")


def check_together(s: Settings) -> None:
    """Raise UsageError if valid settings contradict each other."""
    if sum(x is not None for x in (s.minutes, s.epochs, s.steps)) > 1:
        raise UsageError("Give only one of minutes, epochs and steps: each sets how long to train.")
    if s.tied and s.embedding is not None and s.hidden is not None and s.embedding != s.hidden:
        raise UsageError(
            f"tied weights need embedding and hidden of one size, not {s.embedding} and {s.hidden}; "
            "give equal sizes, or --no-tied."
        )
    if s.side % s.patch:
        raise UsageError(f"A side of {s.side} pixels cannot be cut into patches of {s.patch}; give a divisor of it.")
    for name in ("corpus", "valid", "test"):
        if not all(part.strip() for part in getattr(s, name)):
            raise UsageError(f"{name}: an empty text names no file, folder or corpus; '.' is the current folder.")
    if s.valid_fraction + s.test_fraction >= 1:
        raise UsageError("valid_fraction and test_fraction leave nothing to train on; their sum must be below 1.")
