"""A part of a source: one file, or one text in memory."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstmtui.data.digests import FileFacts, content_facts, file_facts
from lstmtui.errors import UsageError

CHUNK = 1 << 20
"""Bytes that are read at once."""
HEAD_BYTES = 8192
"""Bytes at the start of a file from which its format is recognised."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or one text in memory."""

    name: str
    """The name as the person gave it."""
    length: int
    """In bytes."""
    head: bytes
    """The first HEAD_BYTES bytes at most."""
    ends_line: bool
    path: Path | None = None
    data: bytes | None = None
    folder: Path | None = None
    """The folder that was given and that holds the file; None for a file that was named itself."""

    @property
    def bom(self) -> int:
        """The length of the UTF-8 byte order mark at its start: 3 or 0."""
        return len(codecs.BOM_UTF8) if self.head.startswith(codecs.BOM_UTF8) else 0

    def read(self, start: int, stop: int, size: int = CHUNK) -> Iterator[bytes]:
        """Yield bytes start .. stop - 1, `size` at a time. Raises UsageError where they cannot all be read."""
        if self.data is not None:
            for at in range(start, stop, size):
                yield self.data[at : min(at + size, stop)]
            return
        assert self.path is not None
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(start)
                while start < stop:
                    chunk = file.read(min(size, stop - start))
                    if not chunk:
                        raise UsageError(f"The file {self.name} became shorter while it was read; start again.")
                    start += len(chunk)
                    yield chunk
        except OSError as error:
            raise unreadable_error(self.path, error) from error

    def facts(self, cache: Path | None) -> FileFacts:
        """Return the digest of its bytes and whether they are text; stored in `cache` for large files."""
        if self.path is None:
            return content_facts([self.data or b""])
        return file_facts(self.path, self.read(0, self.length), cache)


def open_part(path: Path) -> Part:
    """Return the file at `path` as a part. Raises UsageError where it is missing, empty, unreadable or not a file."""
    try:
        about = os.stat(path)
        if stat.S_ISDIR(about.st_mode):
            raise UsageError(f"{path} is a folder, where a file is needed; give a file in it.")
        # Checked before opening: opening a FIFO would wait for a writer.
        if not stat.S_ISREG(about.st_mode):
            raise UsageError(f"{path} is a device, a pipe or a socket; save its content in a file and give that.")
        with open(path, "rb", buffering=0) as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(0, about.st_size - 1))
            last = file.read(1)
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}; check the name, or give another.") from error
    except OSError as error:
        raise unreadable_error(path, error) from error
    if not head:
        raise UsageError(f"The file {path} is empty; give a text of a few thousand characters or more.")
    return Part(name=str(path), length=about.st_size, head=head, ends_line=last == b"\n", path=path)


def part_in_memory(name: str, data: bytes) -> Part:
    """Return `data` as a part called `name`."""
    return Part(name=name, length=len(data), head=data[:HEAD_BYTES], ends_line=data.endswith(b"\n"), data=data)


def unreadable_error(path: Path, error: OSError) -> UsageError:
    """Return the error for a file or folder that the system refuses to read."""
    return UsageError(f"{path} cannot be read ({error.strerror or error}); check its permissions or give another.")
