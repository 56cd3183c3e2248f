"""Where text comes from: files, folders and texts made in memory, read as one long run of bytes.

Parts are joined with one newline where the one before does not end in one. As text, a part's byte order mark is left
out, and bytes that are no text are refused with the file and the offset. A file of a folder that cannot be used is left
out, with the reason; one that was named is refused.
"""

from __future__ import annotations

import bisect
import codecs
import hashlib
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lstmtui.data.digests import FileFacts, TextCheck, content_facts, file_facts
from lstmtui.data.encodings import SAMPLE_BYTES as ENCODING_SAMPLE
from lstmtui.data.encodings import detect_format, guess_encoding, iconv_command, looks_like_text, wide_encoding
from lstmtui.data.long_runs import LongRuns
from lstmtui.data.normal_form import is_composition_boundary, normalise
from lstmtui.errors import UsageError

Bytes = bytes
Chunks = Iterator[bytes]
CHUNK = 1 << 20
HEAD_BYTES = 8192
"""How much of a file's start decides whether it is text."""
MAX_BOUNDARY_DISTANCE = 1 << 16
"""How far a split moves on to find a line end."""


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
    folder: Path | None = None
    """The folder that was given and in which it was found; None for what was named itself."""

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
            raise unreadable_error(self.path, error) from error

    def facts(self, cache: Path | None) -> FileFacts:
        """Return what its bytes are; remembered in `cache` for big files."""
        if self.path is None:
            return content_facts([self.data or b""])
        return file_facts(self.path, self.read(0, self.length), cache)


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file of a folder that is not read."""

    name: str
    """Below the folder."""
    reason: str


@dataclass(frozen=True)
class Source:
    """One or more parts, read one after the other."""

    name: str
    parts: tuple[Part, ...]
    text: bool = False
    """Whether it is read as text: byte order marks left out, everything checked."""
    keep_everything: bool = True
    """Whether long runs that no one wrote are read too."""
    exact: bool = True
    """Whether text is left as it is, not brought into its normal form."""
    skipped: tuple[SkippedFile, ...] = ()
    """Files of the folders that are not read."""

    def as_text(self, *, keep_everything: bool = True, exact: bool = True) -> Source:
        """Return the same source, read as text."""
        return replace(self, text=True, keep_everything=keep_everything, exact=exact)

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

    @cached_property
    def _starts(self) -> list[int]:
        """Where each span begins, counted from the first byte of the source."""
        starts = [0]
        for _, _, length in self._spans:
            starts.append(starts[-1] + length)
        return starts[:-1]

    def part_spans(self) -> Iterator[tuple[Part, int, int]]:
        """Yield each part with where it begins and ends, counted from the first byte of the source."""
        for (part, _, length), start in zip(self._spans, self._starts, strict=True):
            if part is not None:
                yield part, start, start + length

    def digest(self, cache: Path | None = None) -> str:
        """Return the SHA-256 of the content; of several parts, that of their digests in order."""
        digests = [part.facts(cache).sha256 for part in self.parts]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def long_runs(self, cache: Path | None = None) -> int:
        """Return how many bytes of long runs that no one wrote are left out."""
        return 0 if self.keep_everything else sum(part.facts(cache).long_runs for part in self.parts)

    def chunks(self, most: int = CHUNK, start: int = 0, stop: int | None = None) -> Chunks:
        """Yield bytes start .. stop - 1 in pieces of at most `most`. Raises UsageError where they are no text."""
        for part, first, last in self._ranges(start, stop):
            if part is None:
                yield b"\n"
            else:
                pieces = part.read(first, last, most)
                if self.text:
                    pieces = checked_chunks(part, pieces, first)
                if not self.keep_everything:
                    pieces = LongRuns().without(pieces)
                yield from pieces if self.exact else normalise(pieces)

    def _ranges(self, start: int, stop: int | None = None) -> Iterator[tuple[Part | None, int, int]]:
        """Yield which bytes of which parts make up start .. stop - 1."""
        stop = self.bytes if stop is None else stop
        for i in range(max(0, bisect.bisect_right(self._starts, start) - 1), len(self._spans)):
            (part, skip, length), at = self._spans[i], self._starts[i]
            if at >= stop:
                break
            first, last = max(start - at, 0), min(stop - at, length)
            if first < last:
                yield part, skip + first, skip + last

    def check(self, tokens: str = "chars") -> None:
        """Raise UsageError when the start of a part shows that `tokens` cannot be made of it: of `bytes`, never."""
        for part in self.parts if tokens != "bytes" else ():
            if reason := format_problem(part):
                raise UsageError(f"The file {part.name} {reason}.")

    def raw_bytes(self, start: int, stop: int) -> Bytes:
        """Return bytes start .. stop - 1 as they are: the first may lie within a character."""
        ranges = self._ranges(start, stop)
        return b"".join(chunk for part, a, b in ranges for chunk in (part.read(a, b) if part else [b"\n"]))

    def boundary(self, position: int, *, lines: bool) -> int:
        """Return the first place at or after `position` where a split harms nothing.

        That is between two UTF-8 characters; with `lines`, after a line end or, when none is near, after a space. Where
        text is brought into its normal form, the characters are none that become one.
        """
        near = self.raw_bytes(max(position - 1, 0), min(position + MAX_BOUNDARY_DISTANCE, self.bytes))
        before = 1 if position > 0 else 0
        if lines and before:
            for end in (b"\n", b" "):
                found = near.find(end)
                if found >= 0:
                    return position + found
        step = before
        while step < len(near) and near[step] & 0xC0 == 0x80 and step < before + 4:
            step += 1
        while before and not self.exact and (one := _melting(near, step)):
            step += one
        return position + step - before


def _melting(text: bytes, at: int) -> int:
    """Return how many bytes the character at `at` has where it becomes one with what stands before it; else 0."""
    char = text[at : at + 4].decode("utf-8", "ignore")[:1]
    if not char or (is_composition_boundary(char) and text[at - 1 : at + 1] != b"\r\n"):
        return 0
    return len(char.encode())


def open_part(path: Path) -> Part:
    """Return `path` as a part. Raises UsageError when it is missing, empty, unreadable or not a file at all."""
    try:
        kind = os.stat(path)
        if stat.S_ISDIR(kind.st_mode):
            raise UsageError(f"{path} is a folder, where a file is needed; give a file in it.")
        # Checked before opening: opening a FIFO would wait for someone to write into it.
        if not stat.S_ISREG(kind.st_mode):
            raise UsageError(f"{path} is a device, a pipe or a socket; save its content in a file and give that.")
        with open(path, "rb", buffering=0) as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(0, kind.st_size - 1))
            last = file.read(1)
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}; check the name, or give another.") from error
    except OSError as error:
        raise unreadable_error(path, error) from error
    if not head:
        raise UsageError(f"The file {path} is empty; give a text of a few thousand characters or more.")
    return Part(name=str(path), length=kind.st_size, head=head, ends_line=last == b"\n", path=path)


def part_in_memory(name: str, data: bytes) -> Part:
    """Return `data` as a part called `name`."""
    return Part(name=name, length=len(data), head=data[:HEAD_BYTES], ends_line=data.endswith(b"\n"), data=data)


def open_folder(folder: Path) -> tuple[list[Part], list[SkippedFile]]:
    """Return all text files in and below `folder`, sorted by path, and what is left out; hidden files do not count.

    A link is followed where it leads to what lies in the folder; what is reached twice is read once. Raises UsageError
    when the folder cannot be read.
    """
    top = os.path.realpath(folder)
    parts: list[Part] = []
    skipped: list[SkippedFile] = []
    seen: set[str] = set()

    def leave_out(path: str | Path, reason: str) -> None:
        skipped.append(SkippedFile(os.path.relpath(path, folder), reason))

    def unreadable_folder(error: OSError) -> None:
        if os.path.realpath(error.filename or folder) == top:
            raise unreadable_error(folder, error)
        leave_out(error.filename, f"cannot be read ({error.strerror or error})")

    for where, folders, files in os.walk(folder, followlinks=True, onerror=unreadable_folder):
        real = os.path.realpath(where)
        outside = not _within(real, top)
        if outside or real in seen:
            if outside:
                leave_out(where, "is a link that leads outside the folder")
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
                leave_out(path, "is a link that leads outside the folder")
                continue
            try:
                parts.append(_text_of_a_folder(path, folder))
            except UsageError as error:
                leave_out(path, str(error))
    return sorted(parts, key=lambda part: part.name), skipped


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(os.path.join(top, ""))


def _text_of_a_folder(path: Path, folder: Path) -> Part:
    """Return a file of a folder as a part. Raises UsageError with the reason where it is not to be read."""
    try:
        kind = os.stat(path)
    except OSError as error:
        raise UsageError(
            "is a link that leads nowhere" if path.is_symlink() else f"cannot be read ({error.strerror or error})"
        ) from error
    if not stat.S_ISREG(kind.st_mode):
        raise UsageError("is a device, a pipe or a socket")
    if not kind.st_size:
        raise UsageError("is empty")
    try:
        part = replace(open_part(path), folder=folder)
    except UsageError as error:
        cause = error.__cause__
        raise UsageError(f"cannot be read ({getattr(cause, 'strerror', None) or cause or error})") from error
    if found := detect_format(part.head):
        raise UsageError(f"is {found[0]}")
    if not looks_like_text(part.head) and not wide_encoding(part.head):
        raise UsageError("is no text")
    return part


def format_problem(part: Part) -> str | None:
    """Return why a part cannot be read as text, as far as its start shows, and the next step; None where it may be."""
    if found := detect_format(part.head):
        return f"is {found[0]}; {found[1].format(file=shlex.quote(part.name))}"
    if encoding := wide_encoding(part.head):
        return f"is {encoding} text; {_reads(part, encoding)}"
    return _has_nul(part.head.index(0)) if b"\0" in part.head else None


def _reads(part: Part, encoding: str) -> str:
    """Return what reads a part in another encoding."""
    return f"`--encoding {encoding}` reads it, or convert it with `{iconv_command(part.name, encoding)}`"


def _has_nul(offset: int) -> str:
    return f"is no text (a NUL byte at offset {offset}); use `--tokens bytes` for any kind of file"


def _not_utf8(part: Part, offset: int) -> str:
    """Return that a part is no UTF-8, which encoding it looks like, and what reads it."""
    start = max(0, offset - ENCODING_SAMPLE // 2)
    sample = b"".join(part.read(start, min(part.length, start + ENCODING_SAMPLE)))
    if not sample[: offset - start].isascii():
        return (
            f"is no valid UTF-8 at offset {offset}; it is UTF-8 until there, so something was cut or mixed in: "
            f"`iconv -c -f UTF-8 -t UTF-8 {shlex.quote(part.name)} > utf8.txt` leaves that out"
        )
    encoding = guess_encoding(sample)
    step = f"it looks like {encoding}: {_reads(part, encoding)}" if encoding else "name its --encoding"
    return f"is no valid UTF-8 at offset {offset}; {step}, or use `--tokens bytes`"


def checked_chunks(part: Part, pieces: Iterator[bytes], at: int) -> Iterator[bytes]:
    """Pass `pieces` on; raise UsageError at the first NUL or invalid UTF-8. `at` is the offset of the first byte."""
    check = TextCheck(at)
    for piece in pieces:
        check.feed(piece)
        require_text(part, check)
        yield piece
    check.feed(b"", final=True)
    require_text(part, check)


def require_text(part: Part, found: TextCheck | FileFacts) -> None:
    """Raise UsageError with the next step where a part is no text."""
    if found.nul is not None:
        raise UsageError(f"The file {part.name} {_has_nul(found.nul)}.")
    if found.invalid is not None:
        raise UsageError(f"The file {part.name} {_not_utf8(part, found.invalid)}.")


def unreadable_error(path: Path, error: OSError) -> UsageError:
    """Say that the system does not let us read `path`."""
    return UsageError(f"{path} cannot be read ({error.strerror or error}); check its permissions or give another.")
