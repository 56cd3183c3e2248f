"""The texts in a container, taken out once and kept in the cache.

They are found there again by the digest of their file. What comes out of a file is bounded by the file's size, so that
a small one cannot fill the disk.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lstmtui.common.files import FormatError, parse_json, to_json, writable_folder
from lstmtui.data.containers import archives, columns, compression, documents, mail
from lstmtui.data.containers.budget import Budget
from lstmtui.data.containers.kinds import is_container
from lstmtui.data.encodings import looks_like_text, wide_encoding
from lstmtui.data.folders import SkippedFile
from lstmtui.data.parts import HEAD_BYTES, Part, open_part
from lstmtui.errors import LstmtuiError, UsageError

VERSION = 1
"""Changes with what is taken out of a file, so that the cache does not serve what an older version took."""
MAX_DEPTH = 3
"""Containers within containers, such as a table in a tar archive that is compressed."""
INDEX = "index.json"


def has_columns(name: str) -> bool:
    """Return whether a file of this name is a table, compressed or not."""
    return columns.recognises(name) or columns.recognises(compression.without_ending(name))


def contained_texts(part: Part, field: str, cache: Path) -> tuple[list[Part], list[SkippedFile]] | None:
    """Return the texts in `part` and the members that are none; None where `part` is a text itself.

    field    the column or key of tables; empty: tables are text
    Raises UsageError for a container that is damaged, empty, too large or needs a package that is not installed,
    LstmtuiError where the cache cannot be written.
    """
    if part.path is None or not (is_container(part.head, part.name) or (field and has_columns(part.name))):
        return None
    key = hashlib.sha256(f"{VERSION} {part.facts(cache).sha256} {field} {_ending(part.name)}".encode()).hexdigest()[:32]
    folder = cache / "texts" / key
    if not (folder / INDEX).exists():
        folder = _extract(part, field, folder)
    return _stored(part, folder)


def _ending(name: str) -> str:
    return "".join(Path(name).suffixes[-2:]).lower()


def _extract(part: Part, field: str, folder: Path) -> Path:
    """Write all texts of `part` into `folder`, as a whole or not at all, and return it."""
    try:
        parent = writable_folder(folder.parent)
        draft = Path(tempfile.mkdtemp(prefix=".extract-", dir=parent))
        try:
            index = [(name, reason) for name, reason in _Extraction(draft, part, field).run()]
            (draft / INDEX).write_text(to_json(index), encoding="utf-8")
            os.chmod(draft, 0o700)
            target = parent / folder.name
            if not target.exists():
                os.rename(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise LstmtuiError(
            f"The text of {part.name} cannot be kept in {folder.parent} ({error.strerror or error}); free some space "
            f"there, or name another folder in LSTMTUI_CACHE."
        ) from error
    return target


class _Extraction:
    """Takes the texts out of one named file, into numbered files of a folder."""

    def __init__(self, folder: Path, part: Part, field: str) -> None:
        assert part.path is not None
        self._folder, self._part, self._field = folder, part, field
        self._budget = Budget(part.name, part.length)
        self._count = 0

    def run(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each text, in the order of its files, and of each member that is none with the reason.

        The name of a member is its path in the archive; what is not in an archive has none.
        """
        assert self._part.path is not None
        yield from self._texts(self._part.path, self._part.head, (self._part.name, ""), 0)

    def _texts(self, path: Path, head: bytes, names: tuple[str, str], depth: int) -> Iterator[tuple[str, str]]:
        """Yield what is in a file; `names` are the one whose ending counts, and the member's."""
        name, member = names
        is_nested = depth < MAX_DEPTH
        if is_nested and compression.recognises(head, name):
            for _, chunks in compression.members(path, name, self._budget):
                yield from self._unpacked(chunks, (compression.without_ending(name), member), depth)
        elif is_nested and archives.recognises(head, name):
            for inner, chunks in archives.members(path, name, self._budget):
                yield from self._unpacked(chunks, (inner, f"{member}/{inner}" if member else inner), depth)
        elif reader := next((kind for kind in (documents, mail) if kind.recognises(head, name)), None):
            yield self._write(reader.texts(path, name, self._budget), member)
        elif self._field and columns.recognises(name):
            yield self._write(columns.texts(path, name, self._field, self._budget), member)
        elif reason := self._reason(head, name):
            yield member, reason
        else:
            with open(path, "rb") as file:
                yield self._write(iter(lambda: file.read(1 << 20), b""), member)

    def _reason(self, head: bytes, name: str) -> str:
        """Return why a file is no text; empty if it is one."""
        if not head:
            return "is empty"
        if is_container(head, name):
            return "is a container in too many others"
        return "" if looks_like_text(head) or wide_encoding(head) else "is no text"

    def _unpacked(self, chunks: Iterator[bytes], names: tuple[str, str], depth: int) -> Iterator[tuple[str, str]]:
        """Store what came out of a container, and yield what it is or holds."""
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:
            file.writelines(chunks)
            file.flush()
            file.seek(0)
            yield from self._texts(Path(file.name), file.read(HEAD_BYTES), names, depth + 1)

    def _write(self, chunks: Iterator[bytes], member: str) -> tuple[str, str]:
        size = 0
        with open(self._folder / f"{self._count:06d}.txt", "wb") as file:
            for chunk in chunks:
                size += file.write(chunk)
        if not size:
            return member, "holds no text"
        self._count += 1
        return member, ""


def _stored(part: Part, folder: Path) -> tuple[list[Part], list[SkippedFile]]:
    """Return what `_extract` has written. Raises UsageError where there is no text."""
    try:
        index = parse_json((folder / INDEX).read_bytes())
        entries = [(str(name), str(reason)) for name, reason in index]
    except (OSError, FormatError, ValueError, TypeError) as error:
        raise LstmtuiError(f"{folder} is damaged; 'lstmtui cache clear' removes it.") from error
    names = [name for name, reason in entries if not reason]
    skipped = [SkippedFile(name, reason) for name, reason in entries if reason]
    if not names:
        reasons = ", ".join(f"{one.name or part.name} {one.reason}" for one in skipped[:3])
        raise UsageError(f"The file {part.name} holds no text ({reasons or 'it is empty'}).")
    is_archive = len(names) > 1 or names[0] != ""
    found = []
    for number, name in enumerate(names):
        text = open_part(folder / f"{number:06d}.txt")
        folder_of_it = Path(part.name) if is_archive else part.folder
        found.append(replace(text, name=f"{part.name}/{name}" if name else part.name, folder=folder_of_it))
    return found, skipped
