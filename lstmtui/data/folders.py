"""The text files in and below a folder, and those that are skipped."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lstmtui.data.containers.kinds import is_container
from lstmtui.data.encodings import detect_format, looks_like_text, wide_encoding
from lstmtui.data.parts import Part, open_part, unreadable_error
from lstmtui.errors import UsageError


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file of a folder that is not read."""

    name: str
    """The path below the folder."""
    reason: str


def open_folder(folder: Path) -> tuple[list[Part], list[SkippedFile]]:
    """Return all text files in and below `folder`, sorted by path, and the skipped ones; hidden files are ignored.

    A link within the folder is followed; a file that is reached twice is read once. Raises UsageError where the folder
    cannot be read.
    """
    parts: list[Part] = []
    skipped: list[SkippedFile] = []

    def skip(path: str | Path, reason: str) -> None:
        skipped.append(SkippedFile(os.path.relpath(path, folder), reason))

    for path in walk(folder, skip):
        try:
            parts.append(open_text(path, folder))
        except UsageError as error:
            skip(path, str(error))
    return sorted(parts, key=lambda part: part.name), skipped


def walk(
    folder: Path, skip: Callable[[str | Path, str], None], enter: Callable[[Path], bool] = lambda inner: True
) -> Iterator[Path]:
    """Yield the files in and below `folder`, folder by folder, without hidden ones; none is opened.

    skip     gets what cannot be reached or lies outside the folder, with the reason
    enter    whether to look into a folder
    Raises UsageError where `folder` itself cannot be read.
    """
    top = os.path.realpath(folder)
    seen: set[str] = set()

    def unreadable_folder(error: OSError) -> None:
        if os.path.realpath(error.filename or folder) == top:
            raise unreadable_error(folder, error)
        skip(error.filename, f"cannot be read ({error.strerror or error})")

    for where, folders, files in os.walk(folder, followlinks=True, onerror=unreadable_folder):
        real = os.path.realpath(where)
        outside = not _within(real, top)
        if outside or real in seen or not enter(Path(where)):
            if outside:
                skip(where, "is a link that leads outside the folder")
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(where, name)
            real = os.path.realpath(path)
            if name.startswith(".") or real in seen:
                continue
            seen.add(real)
            if not _within(real, top):
                skip(path, "is a link that leads outside the folder")
                continue
            yield path


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(os.path.join(top, ""))


def open_text(path: Path, folder: Path) -> Part:
    """Return a file of a folder as a part. Raises UsageError with the reason where it is skipped."""
    try:
        about = os.stat(path)
    except OSError as error:
        raise UsageError(
            "is a link that leads nowhere" if path.is_symlink() else f"cannot be read ({error.strerror or error})"
        ) from error
    if not stat.S_ISREG(about.st_mode):
        raise UsageError("is a device, a pipe or a socket")
    if not about.st_size:
        raise UsageError("is empty")
    try:
        part = replace(open_part(path), folder=folder)
    except UsageError as error:
        cause = error.__cause__
        raise UsageError(f"cannot be read ({getattr(cause, 'strerror', None) or cause or error})") from error
    if is_container(part.head, part.name):
        return part
    if found := detect_format(part.head):
        raise UsageError(f"is {found[0]}")
    if not looks_like_text(part.head) and not wide_encoding(part.head):
        raise UsageError("is no text")
    return part
