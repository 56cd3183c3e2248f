"""A run as one archive that can be given away, with the text it was trained on or without.

A run's folder holds more than weights: to complete with, an index keeps the words of the training text in their order,
which is the text; a profile keeps what a person wrote; the tokens of the newest window and a few quotations are parts
of it. None of these is needed to go on with the weights. What a network has memorised stays in its weights.
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
"""Where an archive without its text says that the text is: a path that is nowhere, with the file's own name."""


def text_files(run: RunFolder) -> list[Path]:
    """Return the files of a run that hold the text it was trained on, or what a person wrote."""
    return [path for path in (run.text, *sorted(run.autocomplete.glob("*"))) if path.is_file()]


def write_archive(run: RunFolder, target: BinaryIO, *, compressed: bool, without_text: bool) -> list[str]:
    """Write a run's files into `target` as a tar archive of one folder, and return their names.

    Raises LockedError while an engine works on the run, LstmtuiError for what cannot be read or written.
    """
    lock = EngineLock(run)
    names = []
    try:
        with tarfile.open(fileobj=target, mode="w|gz" if compressed else "w|", format=tarfile.PAX_FORMAT) as archive:
            for path in _files(run, without_text):
                name = str(path.relative_to(run.path))
                _add(archive, f"{run.name}/{name}", path, _changed(run, path) if without_text else None)
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
    """Yield what goes into an archive; nothing that only the machine or the moment needs."""
    for path in (run.config, run.plan, run.tokenizer, run.status, run.metrics, run.events, run.samples):
        if path.is_file():
            yield path
    for folder in (run.checkpoints, run.probes):
        for path in sorted(folder.glob("*")):
            if path.is_file() and not path.name.startswith(".") and not (without_text and path.name == "window.npz"):
                yield path
    yield from () if without_text else text_files(run)


def _add(archive: tarfile.TarFile, name: str, path: Path, data: bytes | None) -> None:
    """Add one file, or `data` under its name: as nobody's, for the user alone."""
    with open_to_read(path) as file:
        found = os.fstat(file.fileno())
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime = found.st_size if data is None else len(data), int(found.st_mtime)
        entry.mode = stat.S_IRUSR | stat.S_IWUSR
        archive.addfile(entry, file if data is None else io.BytesIO(data))


def _changed(run: RunFolder, path: Path) -> bytes | None:
    """Return what a file holds in an archive without text; None where it stays as it is."""
    if path == run.config:
        s = config.load(path)
        named = {name: tuple(map(_left_out, s.value(name))) for name in ("corpus", "valid", "test")}
        return config.dump(s.changed(**named)).encode()
    if path == run.status:
        return to_json(_without_quotations(read_json(path) or {})).encode()
    return None


def _left_out(name: str) -> str:
    return f"{OMITTED_FOLDER}/{PurePath(name).name}" if os.sep in name else name


def _without_quotations(status: dict[str, Any]) -> dict[str, Any]:
    """Return a status without the pieces of the training text that it quotes, and the machine's name."""
    kept = {key: value for key, value in status.items() if key not in ("beginning", "host")}
    for place in (kept, kept.get("result")):
        if isinstance(place, dict) and isinstance(place.get("copied"), dict):
            place["copied"] = {**place["copied"], "text": ""}
    return kept


def total_size(paths: list[Path]) -> int:
    """Return the bytes of files; one that is gone counts nothing."""
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total
