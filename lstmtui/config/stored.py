"""A run's config.toml: its resolved settings, flat, and the version of the format."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstmtui.common.files import FormatError, parse_toml, read_file
from lstmtui.config.resolved import MemorySettings, PictureSettings, RunSettings, SpeechSettings, TranslationSettings
from lstmtui.config.settings import BEFORE, FIELDS
from lstmtui.config.values import convert
from lstmtui.errors import CorruptError, UsageError

FORMAT = 1
"""Version of the run folder's format; raised when an older reader would misread a newer folder."""

_TASK_GROUPS = (MemorySettings, TranslationSettings, SpeechSettings, PictureSettings)
OF_ONE_TASK = (
    "start", "features", "field", "log", *(f.name for group in _TASK_GROUPS for f in dataclasses.fields(group)),
)  # fmt: skip
"""Settings that config.toml holds only where a run uses them."""
_OF_CAPTIONS = tuple(f.name for f in dataclasses.fields(PictureSettings))
_FILE_URI = "file:///"


def _as_uri(name: str) -> str:
    """Return a file name for TOML, which is UTF-8: unchanged if it is UTF-8, else as a file: URI of its bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        from urllib.parse import quote_from_bytes

        return "file://" + quote_from_bytes(os.fsencode(name))
    return name


def from_uris(value: object) -> object:
    """Undo `_as_uri` in a list of names; return other values unchanged."""
    if not isinstance(value, list):
        return value
    from urllib.parse import unquote_to_bytes

    return [
        os.fsdecode(unquote_to_bytes(name.removeprefix("file://")))
        if isinstance(name, str) and name.startswith(_FILE_URI)
        else name
        for name in value
    ]


def dump(settings: RunSettings) -> str:
    """Return `settings` as the TOML text of a run's config.toml, without those that are None."""
    import tomli_w  # imported only to create a run

    opening = "# What this run was started with. Live changes stand in events.jsonl and in the checkpoints.\n"
    return opening + tomli_w.dumps(to_table(settings))


def to_table(settings: RunSettings) -> dict[str, Any]:
    """Return `settings` as config.toml has them: flat, with the format's version, without those that are None."""
    missing = {name: field.default for name, field in FIELDS.items()} | _before(settings.data.purpose)
    unused = {name for name in OF_ONE_TASK if settings.value(name) == missing[name]}
    values = {name: value for name, value in settings.flat().items() if value is not None and name not in unused}
    plain = {k: list(map(_as_uri, v)) if isinstance(v, tuple) else v for k, v in values.items()}
    return {"format": FORMAT, **plain}


def _before(purpose: object) -> dict[str, Any]:
    """Return the settings that an older run for a purpose lacks, and their values; those of captions, of captions."""
    return {name: value for name, value in BEFORE.items() if name not in _OF_CAPTIONS or purpose == "captions"}


def load(path: Path) -> RunSettings:
    """Read a run's config.toml. Raises CorruptError if it is missing, damaged or of a newer format."""
    try:
        data = read_file(path)
        if data is None:
            raise CorruptError(f"{path.parent}: not a run folder (no {path.name}).")
        raw = parse_toml(data)
    except OSError as error:
        raise CorruptError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except FormatError as error:
        raise CorruptError(f"{path}: cannot be read ({error}).") from error
    return from_table(raw, str(path))


def from_table(table: Mapping[str, Any], where: str) -> RunSettings:
    """Undo `to_table`; `where` is what messages call it. Raises CorruptError."""
    raw = dict(table)
    version = raw.pop("format", None)
    if not isinstance(version, int) or version > FORMAT:
        raise CorruptError(f"{where}: written in format {version}, this lstmtui reads up to {FORMAT}; update lstmtui.")
    before = _before(raw.get("purpose", FIELDS["purpose"].default))
    try:
        values = {name: convert(name, from_uris(value), where) for name, value in {**before, **raw}.items()}
        return RunSettings.from_values({**{name: f.default for name, f in FIELDS.items()}, **values})
    except UsageError as error:
        raise CorruptError(str(error)) from error
