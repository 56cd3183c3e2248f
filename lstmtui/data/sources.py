"""Files, folders and texts in memory, read as one run of bytes.

Parts are joined with one newline where the one before does not end in one. Read as text, a part loses its byte order
mark, and bytes that are not text are refused with the file and the offset.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lstmtui.data.folders import SkippedFile
from lstmtui.data.long_runs import LongRuns
from lstmtui.data.normal_form import is_composition_boundary, normalise
from lstmtui.data.parts import CHUNK, Part
from lstmtui.data.text_check import checked_chunks, format_problem
from lstmtui.errors import UsageError

Bytes = bytes
MAX_BOUNDARY_DISTANCE = 1 << 16
"""Bytes by which a split moves at most to reach the end of a line."""


@dataclass(frozen=True)
class Source:
    """One or more parts, read one after the other."""

    name: str
    parts: tuple[Part, ...]
    text: bool = False
    """Whether it is read as text: without byte order marks, and checked."""
    keep_everything: bool = True
    """Whether long runs of base64 and hexadecimal are read."""
    exact: bool = True
    """Whether the text is read without Unicode normalisation."""
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
        """The length in bytes, before long runs are removed."""
        return sum(length for _, _, length in self._spans)

    @cached_property
    def _starts(self) -> list[int]:
        """The offset of each span in the source."""
        starts = [0]
        for _, _, length in self._spans:
            starts.append(starts[-1] + length)
        return starts[:-1]

    def part_spans(self) -> Iterator[tuple[Part, int, int]]:
        """Yield each part with the offsets in the source at which it starts and stops."""
        for (part, _, length), start in zip(self._spans, self._starts, strict=True):
            if part is not None:
                yield part, start, start + length

    def digest(self, cache: Path | None = None) -> str:
        """Return the SHA-256 of the content; of several parts, that of their digests in order."""
        digests = [part.facts(cache).sha256 for part in self.parts]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def long_runs(self, cache: Path | None = None) -> int:
        """Return how many bytes of long runs are not read."""
        return 0 if self.keep_everything else sum(part.facts(cache).long_runs for part in self.parts)

    def chunks(self, size: int = CHUNK, start: int = 0, stop: int | None = None) -> Iterator[Bytes]:
        """Yield bytes start .. stop - 1 in pieces of at most `size`. Raises UsageError where they are not text."""
        for part, first, last in self._ranges(start, stop):
            if part is None:
                yield b"\n"
            else:
                pieces = part.read(first, last, size)
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
        """Raise UsageError where the start of a part shows that it is not text and `tokens` need text."""
        for part in self.parts if tokens != "bytes" else ():
            if problem := format_problem(part):
                raise UsageError(f"The file {part.name} {problem}.")

    def raw_bytes(self, start: int, stop: int) -> Bytes:
        """Return bytes start .. stop - 1 of the files, which may start or stop within a character."""
        ranges = self._ranges(start, stop)
        return b"".join(chunk for part, a, b in ranges for chunk in (part.read(a, b) if part else [b"\n"]))

    def boundary(self, position: int, *, lines: bool) -> int:
        """Return the first offset from `position` on where the text can be split.

        That is between two UTF-8 characters; with `lines`, after the end of a line or, without one nearby, after a
        space. Where the text is normalised, no character after it composes with one before it.
        """
        nearby = self.raw_bytes(max(position - 1, 0), min(position + MAX_BOUNDARY_DISTANCE, self.bytes))
        before = 1 if position > 0 else 0
        if lines and before:
            for end in (b"\n", b" "):
                found = nearby.find(end)
                if found >= 0:
                    return position + found
        step = before
        while step < len(nearby) and nearby[step] & 0xC0 == 0x80 and step < before + 4:
            step += 1
        while before and not self.exact and (length := _composing_length(nearby, step)):
            step += length
        return position + step - before


def _composing_length(text: bytes, at: int) -> int:
    """Return the bytes of the character at `at` where it composes with the one before it; else 0."""
    char = text[at : at + 4].decode("utf-8", "ignore")[:1]
    if not char or (is_composition_boundary(char) and text[at - 1 : at + 1] != b"\r\n"):
        return 0
    return len(char.encode())
