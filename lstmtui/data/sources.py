"""Where text comes from: files, folders and texts made in memory, read as one long run of bytes.

Parts are joined with one newline where the one before does not end in one. As text, a part's byte order mark is left
out, and bytes that are no text are refused with the file and the offset.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lstmtui.data.digests import file_digest
from lstmtui.errors import UsageError

Chunks = Iterator[bytes]
CHUNK = 1 << 20
SNIFF = 8192
"""How much of a file's start decides whether it is text."""
BOUNDARY_REACH = 1 << 16
"""How far a split moves on to find a line end."""
CONTROL = bytes({*range(32)} - set(b"\t\n\v\f\r\x1b\b"))


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or one text in memory."""

    name: str
    """What a person calls it."""
    length: int
    """In bytes."""
    head: bytes
    """The first 8 KiB at most."""
    ends_line: bool
    path: Path | None = None
    data: bytes | None = None

    @property
    def bom(self) -> int:
        """The length of the UTF-8 byte order mark it starts with: 3 or 0."""
        return len(codecs.BOM_UTF8) if self.head.startswith(codecs.BOM_UTF8) else 0

    def read(self, start: int, stop: int, size: int = CHUNK) -> Iterator[bytes]:
        """Yield bytes start .. stop - 1, `size` at a time. Raises UsageError when they cannot all be read."""
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
            raise unreadable(self.path, error) from error

    def digest(self, cache: Path | None) -> str:
        """Return the SHA-256 of its bytes, in hex; remembered in `cache` for big files."""
        if self.path is None:
            return hashlib.sha256(self.data or b"").hexdigest()
        return file_digest(self.path, self.read(0, self.length), cache)


@dataclass(frozen=True)
class Source:
    """One or more parts, read one after the other."""

    name: str
    parts: tuple[Part, ...]
    text: bool = False
    """Whether it is read as text: byte order marks left out, everything checked."""

    def as_text(self) -> Source:
        """Return the same source, read as text."""
        return replace(self, text=True)

    @cached_property
    def _spans(self) -> list[tuple[Part | None, int, int]]:
        """(part, offset of its first byte, length); a part of None is the newline between two parts."""
        spans: list[tuple[Part | None, int, int]] = []
        for i, part in enumerate(self.parts):
            skip = part.bom if self.text else 0
            spans.append((part, skip, part.length - skip))
            if i + 1 < len(self.parts) and not part.ends_line:
                spans.append((None, 0, 1))
        return spans

    @property
    def bytes(self) -> int:
        """How many bytes `chunks` yields."""
        return sum(length for _, _, length in self._spans)

    def digest(self, cache: Path | None = None) -> str:
        """Return the SHA-256 of the content; of several parts, that of their digests in order."""
        digests = [part.digest(cache) for part in self.parts]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def chunks(self, most: int = CHUNK, start: int = 0, stop: int | None = None) -> Chunks:
        """Yield bytes start .. stop - 1 in pieces of at most `most`. Raises UsageError where they are no text."""
        for part, first, last in self._ranges(start, stop):
            if part is None:
                yield b"\n"
            else:
                pieces = part.read(first, last, most)
                yield from checked(part, pieces, first) if self.text else pieces

    def _ranges(self, start: int, stop: int | None = None) -> Iterator[tuple[Part | None, int, int]]:
        """Yield which bytes of which parts make up start .. stop - 1."""
        stop = self.bytes if stop is None else stop
        at = 0
        for part, skip, length in self._spans:
            first, last = max(start - at, 0), min(stop - at, length)
            at += length
            if first < last:
                yield part, skip + first, skip + last

    def check(self, tokens: str = "chars") -> None:
        """Raise UsageError when the start of a part shows that `tokens` cannot be made of it: of `bytes`, never."""
        for part in self.parts if tokens != "bytes" else ():
            encoding = wide_encoding(part.head)
            if encoding:
                raise UsageError(
                    f"The file {part.name} is {encoding} text; convert it first, for example with "
                    f"`iconv -f {encoding} -t UTF-8 {part.name} > utf8.txt`."
                )
            if b"\0" in part.head:
                raise binary(part, part.head.index(0))

    def boundary(self, position: int, *, lines: bool) -> int:
        """Return the first place at or after `position` where a split harms nothing.

        That is between two UTF-8 characters; with `lines`, after a line end or, when none is near, after a space.
        """
        # Not through `chunks`: the first byte may lie within a character.
        ranges = self._ranges(max(position - 1, 0), min(position + BOUNDARY_REACH, self.bytes))
        near = b"".join(chunk for part, a, b in ranges for chunk in (part.read(a, b) if part else [b"\n"]))
        before = 1 if position > 0 else 0
        if lines and before:
            for end in (b"\n", b" "):
                found = near.find(end)
                if found >= 0:
                    return position + found
        step = before
        while step < len(near) and near[step] & 0xC0 == 0x80 and step < before + 4:
            step += 1
        return position + step - before


def open_file(path: Path) -> Part:
    """Return `path` as a part. Raises UsageError when it is missing, empty, unreadable or not a file at all."""
    try:
        kind = os.stat(path)
        if stat.S_ISDIR(kind.st_mode):
            raise UsageError(f"{path} is a folder, where a file is needed; give a file in it.")
        # Checked before opening: opening a FIFO would wait for someone to write into it.
        if not stat.S_ISREG(kind.st_mode):
            raise UsageError(f"{path} is a device, a pipe or a socket; save its content in a file and give that.")
        with open(path, "rb", buffering=0) as file:
            head = file.read(SNIFF)
            file.seek(max(0, kind.st_size - 1))
            last = file.read(1)
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}; check the name, or give another.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if not head:
        raise UsageError(f"The file {path} is empty; give a text of a few thousand characters or more.")
    return Part(name=str(path), length=kind.st_size, head=head, ends_line=last == b"\n", path=path)


def in_memory(name: str, data: bytes) -> Part:
    """Return `data` as a part called `name`."""
    return Part(name=name, length=len(data), head=data[:SNIFF], ends_line=data.endswith(b"\n"), data=data)


def open_folder(folder: Path) -> list[Part]:
    """Return all text files in and below `folder`, sorted by path; hidden, empty and binary ones are left out.

    A folder reached twice (a link to a folder above) is read once. Raises UsageError when no text is found.
    """
    parts: list[Part] = []
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise unreadable(Path(error.filename or folder), error)

    for where, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        here = os.stat(where)
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(where, name)
            if not name.startswith(".") and path.is_file() and path.stat().st_size:
                part = open_file(path)
                if is_text(part.head):
                    parts.append(part)
    if not parts:
        raise UsageError(f"The folder {folder} holds no text files; give another folder, or the files by name.")
    return sorted(parts, key=lambda part: part.name)


def is_text(head: bytes) -> bool:
    """Say whether a file that starts with `head` looks like text: no NUL, hardly a control character."""
    controls = len(head) - len(head.translate(None, CONTROL))
    return b"\0" not in head and controls * 100 <= len(head)


def wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 when `head` starts a text in it: by its mark, or by NULs on one side of each pair."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    pairs = len(head) // 2
    sides = sorted((head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)))
    if pairs >= 4 and sides[1] > 0.4 * pairs and sides[0] < 0.05 * pairs and is_text(head.replace(b"\0", b"")):
        return "UTF-16LE" if head[1 : 2 * pairs : 2].count(0) == sides[1] else "UTF-16BE"
    return None


def checked(part: Part, pieces: Iterator[bytes], at: int) -> Iterator[bytes]:
    """Pass `pieces` on; raise UsageError at the first NUL or invalid UTF-8. `at` is the offset of the first byte."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    for piece in pieces:
        if b"\0" in piece:
            raise binary(part, at + piece.index(0))
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise not_utf8(part, at - held + error.start) from error
        at += len(piece)
        yield piece
    held = len(decoder.getstate()[0])
    if held:
        raise not_utf8(part, at - held)


def unreadable(path: Path, error: OSError) -> UsageError:
    """Say that the system does not let us read `path`."""
    return UsageError(f"{path} cannot be read ({error.strerror or error}); check its permissions or give another.")


def binary(part: Part, offset: int) -> UsageError:
    """Say that a NUL byte was met."""
    return UsageError(
        f"The file {part.name} is no text (a NUL byte at offset {offset}); use `--tokens bytes` for any kind of file."
    )


def not_utf8(part: Part, offset: int) -> UsageError:
    """Say that bytes were met that are no UTF-8."""
    return UsageError(
        f"The file {part.name} is no valid UTF-8 at offset {offset}; "
        f"convert it (for example with `iconv -f LATIN1 -t UTF-8`), or use `--tokens bytes`."
    )
