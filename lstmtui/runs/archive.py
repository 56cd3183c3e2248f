"""A run as one archive that can be given away, with or without its training text.

The folder of a run holds more than weights: the index of autocompletion keeps the words of the training text in order,
the profile keeps text of a person, and the newest window and a few quotations are parts of the text. The weights do not
need them. Text that a network has memorised stays in its weights.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from lstmtui import config
from lstmtui.common.files import read_json, to_json
from lstmtui.common.opening import open_to_read
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock

OMITTED_FOLDER = "/left-out"
"""The folder that an archive without text names for its files; it does not exist."""


def text_files(run: RunFolder) -> list[Path]:
    """Return the files of a run that hold its training text or text of a person."""
    return [path for path in (run.text, *sorted(run.autocomplete.glob("*"))) if path.is_file()]


def write_archive(run: RunFolder, target: BinaryIO, *, compressed: bool, without_text: bool) -> list[str]:
    """Write the files of a run to `target` as a tar archive of one folder, and return their names.

    Raises LockedError while an engine works on the run, LstmtuiError where a file cannot be read or written.
    """
    lock = EngineLock(run)
    names = []
    try:
        with tarfile.open(fileobj=target, mode="w|gz" if compressed else "w|", format=tarfile.PAX_FORMAT) as archive:
            for path in _files(run, without_text):
                name = str(path.relative_to(run.path))
                _add(archive, f"{run.name}/{name}", path, _without_text(run, path) if without_text else None)
                names.append(name)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LstmtuiError(
            f"Run '{run.name}' cannot be packed: {error.filename or 'the archive'}: {error.strerror or error}."
        ) from error
    finally:
        lock.release()
    return names


def _files(run: RunFolder, without_text: bool) -> Iterator[Path]:
    """Yield the files of an archive: none that belong to one machine or one process."""
    for path in (run.config, run.plan, run.tokenizer, run.status, run.metrics, run.events, run.samples):
        if path.is_file():
            yield path
    for folder in (run.checkpoints, run.probes):
        for path in sorted(folder.glob("*")):
            if path.is_file() and not path.name.startswith(".") and not (without_text and path.name == "window.npz"):
                yield path
    yield from () if without_text else text_files(run)


def _add(archive: tarfile.TarFile, name: str, path: Path, data: bytes | None) -> None:
    """Add a file, or `data` under its name, without an owner and private."""
    with open_to_read(path) as file:
        found = os.fstat(file.fileno())
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime = found.st_size if data is None else len(data), int(found.st_mtime)
        entry.mode = stat.S_IRUSR | stat.S_IWUSR
        archive.addfile(entry, file if data is None else io.BytesIO(data))


def _without_text(run: RunFolder, path: Path) -> bytes | None:
    """Return the content of a file in an archive without text; None where it is unchanged."""
    if path == run.config:
        return config.dump(without_folders(config.load(path))).encode()
    if path == run.status:
        return to_json(_without_quotations(read_json(path) or {})).encode()
    return None


def without_folders(settings: config.RunSettings) -> config.RunSettings:
    """Return settings whose files have lost their folders, which are of one machine."""
    named = {name: tuple(map(_omit_folder, settings.value(name))) for name in ("corpus", "valid", "test")}
    return settings.changed(**named, features=_omit_folder(settings.data.features))


def _omit_folder(name: str) -> str:
    return f"{OMITTED_FOLDER}/{PurePath(name).name}" if os.sep in name else name


def _without_quotations(status: dict[str, Any]) -> dict[str, Any]:
    """Return a status without quotations of the training text and without the name of the machine."""
    remaining = {key: value for key, value in status.items() if key not in ("beginning", "host")}
    for record in (remaining, remaining.get("result")):
        if isinstance(record, dict) and isinstance(record.get("copied"), dict):
            record["copied"] = {**record["copied"], "text": ""}
    return remaining


def total_size(paths: list[Path]) -> int:
    """Return the bytes of files; a missing one counts nothing."""
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total
