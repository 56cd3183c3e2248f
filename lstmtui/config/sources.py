"""Where settings come from: options, environment, a configuration file, and the user's own."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstmtui.common.files import FormatError, parse_toml
from lstmtui.config.settings import AUTO, FIELDS, LENGTHS, Settings, option
from lstmtui.config.stored import from_uris
from lstmtui.config.values import MIN_LIKENESS, check_together, convert
from lstmtui.errors import UsageError

PURPOSE_DEFAULTS: dict[str, dict[str, str]] = {
    "autocomplete": {"tokens": AUTO},
    "translation": {"tokens": AUTO, "cell": "gru"},
    "speech": {"tokens": AUTO},
    "captions": {"tokens": AUTO, "cell": "gru"},
}
"""Defaults that differ for a purpose: a GRU learns to translate in less time than an LSTM."""


def default_cell(purpose: str) -> str:
    """Return the cell of a purpose where none is chosen."""
    return PURPOSE_DEFAULTS.get(purpose, {}).get("cell", str(FIELDS["cell"].default))


def resolve(
    options: Mapping[str, object],
    *,
    environ: Mapping[str, str] | None = None,
    config_file: Path | None = None,
    user_file: Path | None = None,
) -> Settings:
    """Merge the sources into Settings: options, then environment, then `config_file`, then the user's file.

    `options` holds the command-line options (None: not given). Raises UsageError naming source and key.
    """
    merged: dict[str, Any] = {}
    if user_file is not None and user_file.is_file():
        merged.update(_from_toml(user_file))
    if config_file is not None:
        merged.update(_from_toml(config_file))
    merged.update(_from_environment(os.environ if environ is None else environ))
    for name, raw in options.items():
        if raw is not None:
            merged[name] = convert(name, raw, option(name))
    for name, value in PURPOSE_DEFAULTS.get(str(merged.get("purpose")), {}).items():
        merged.setdefault(name, value)
    _override_length(merged, options)
    settings = Settings(**merged)
    check_together(settings)
    return settings


def _override_length(merged: dict[str, Any], options: Mapping[str, object]) -> None:
    """Let a length given as an option replace lengths in other units from weaker sources."""
    given = [k for k in LENGTHS if options.get(k) is not None]
    if given:
        for k in set(LENGTHS) - set(given):
            merged.pop(k, None)


def user_file() -> Path | None:
    """Return the user's configuration file: LSTMTUI_CONFIG, or config.toml in the user's configuration folder.

    None without one. Raises UsageError if LSTMTUI_CONFIG names a missing file.
    """
    if given := os.environ.get("LSTMTUI_CONFIG"):
        path = Path(given).expanduser()
        if not path.is_file():
            raise UsageError(f"LSTMTUI_CONFIG: there is no file {path}.")
        return path
    path = user_folder() / "config.toml"
    return path if path.is_file() else None


def user_folder() -> Path:
    """Return the folder of the user's configuration, which may not exist yet."""
    import platformdirs

    return platformdirs.user_config_path("lstmtui", appauthor=False)


RESERVED = (
    "LSTMTUI_RUNS", "LSTMTUI_CACHE", "LSTMTUI_CONFIG", "LSTMTUI_DEBUG", "LSTMTUI_THEME", "LSTMTUI_CHARSET",
    "LSTMTUI_TOKEN",
)  # fmt: skip
"""Environment variables that are not settings of a run."""
_PREFIX = "LSTMTUI_"


def check_environment(environ: Mapping[str, str]) -> None:
    """Raise UsageError for an unknown variable with the prefix LSTMTUI_."""
    known = {variable.removeprefix(_PREFIX).lower() for variable in RESERVED} | set(FIELDS)
    for variable in sorted(environ):
        name = variable.removeprefix(_PREFIX).lower()
        if variable.startswith(_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=MIN_LIKENESS)
            hint = f" (did you mean {_PREFIX}{close[0].upper()}?)" if close else ""
            raise UsageError(
                f"environment variable {variable}: there is no such variable{hint}; correct its name, or unset it."
            )


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    check_environment(environ)
    values = {}
    for variable, raw in environ.items():
        if variable.startswith(_PREFIX) and variable not in RESERVED:
            name = variable.removeprefix(_PREFIX).lower()
            values[name] = convert(name, raw, f"environment variable {variable}")
    return values


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        raw = parse_toml(path.read_bytes())  # also reads a pipe
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except FormatError as error:
        raise UsageError(f"{path}: not valid TOML ({error}).") from error
    raw.pop("format", None)
    raw.pop("screens", None)  # for lstmtui.tui.preferences
    return {name: convert(name, from_uris(value), f"{path}") for name, value in raw.items()}
