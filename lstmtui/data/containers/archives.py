"""Archives of files: ZIP and tar. A compressed tar archive is one in a compressed file."""

from __future__ import annotations

import contextlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from lstmtui.data.containers.budget import Budget
from lstmtui.data.encodings import detect_format
from lstmtui.errors import UsageError

BLOCK = 1 << 18
ZIP, TAR_AT, TAR = "a ZIP archive", 257, b"ustar"
HIDDEN = (".", "__MACOSX")
"""Beginnings of names that are not read."""


def recognises(head: bytes, name: str) -> bool:
    """Return whether a file that starts with `head` is an archive, and no office document."""
    found = detect_format(head)
    return head[TAR_AT : TAR_AT + len(TAR)] == TAR or (found is not None and found[0] == ZIP)


def members(path: Path, name: str, budget: Budget) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield name and content of each regular file that is not hidden. Raises UsageError for a damaged archive."""
    with _explained(name):
        with open(path, "rb") as file:
            is_tar = file.read(TAR_AT + len(TAR))[TAR_AT:] == TAR
        for member, content in (_of_tar if is_tar else _of_zip)(path, budget):
            yield member, budget.count(_chunks(content, name))


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Raise UsageError in place of whatever a damaged archive raises."""
    try:
        yield
    except (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError,
        OSError,
    ) as error:  # fmt: skip
        raise UsageError(f"The file {name} is a damaged or encrypted archive ({error}); unpack it yourself.") from error


def _of_zip(path: Path, budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            budget.member()
            if not entry.is_dir() and not _is_hidden(entry.filename):
                with archive.open(entry) as file:
                    yield entry.filename, file


def _of_tar(path: Path, budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r:") as archive:
        for entry in archive:
            budget.member()
            if entry.isfile() and not _is_hidden(entry.name):
                file = archive.extractfile(entry)
                assert file is not None
                with file:
                    yield entry.name, file


def _chunks(file: IO[bytes], name: str) -> Iterator[bytes]:
    with _explained(name):
        while chunk := file.read(BLOCK):
            yield chunk


def _is_hidden(name: str) -> bool:
    return any(part.startswith(HIDDEN) and part != "." for part in PurePosixPath(name).parts)
