"""Validation and test text from every kind of file of a folder: whole small files, and pieces of whole paragraphs.

The kind of a file is its suffix. A hash of names decides which files and pieces are held out, so that the split is the
same on every machine and for every seed, and runs can be compared.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lstmtui.data.parts import Part
from lstmtui.data.ranges import Range, Span
from lstmtui.data.sources import Source

MAX_WHOLE_FILE = 32 << 10
"""Bytes; smaller files are held out whole, where their kind has enough of them."""
MIN_CUT_FILE = 256
"""Bytes; a smaller file is not cut."""
MIN_WHOLE_FILES = 2
"""Files of a kind that must be held out whole; else each is cut."""
PIECE_BYTES = 64 << 10
"""The approximate length of a piece."""
MAX_PIECES_PER_FILE = 8
"""Pieces that are held out of one file."""
BOUNDARIES = (b"\n\n", b"\n", b" ", b"")
"""Where a piece starts and stops, best first: after a paragraph, a line, a word, a character."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file, with the offsets in the source at which it starts and stops."""

    part: Part
    start: int
    stop: int

    @property
    def bytes(self) -> int:
        return self.stop - self.start

    @property
    def name(self) -> str:
        """The path below the folder that was given, which is the same wherever that folder lies."""
        return (
            os.path.relpath(self.part.name, self.part.folder) if self.part.folder else os.path.basename(self.part.name)
        )

    @property
    def kind(self) -> str:
        return os.path.splitext(self.name)[1].lower()


def mixed_split(source: Source, shares: dict[str, float]) -> dict[str, Range] | None:
    """Return train, valid and test with a share of every kind of file; None where there is too little text."""
    kinds: dict[str, list[_File]] = {}
    for part, start, stop in source.part_spans():
        file = _File(part, start, stop)
        kinds.setdefault(file.kind, []).append(file)
    found: dict[str, list[Span]] = {"valid": [], "test": []}
    shares = {role: share for role, share in shares.items() if share}
    for files in kinds.values():
        for role, span in _hold_out(source, files, shares):
            found[role].append(span)
    if any(sum(stop - start for start, stop in found[role]) < 2 for role in shares):
        return None
    # The newline between two files belongs to the first.
    ends = {stop: start for (_, _, stop), (_, start, _) in itertools.pairwise(source.part_spans())}
    for spans in found.values():
        spans[:] = sorted((start, ends.get(stop, stop)) for start, stop in spans)
    held_out = sorted(found["valid"] + found["test"])
    return {
        "train": Range(source, tuple(_gaps(held_out, source.bytes))),
        "valid": Range(source, _join(found["valid"])),
        "test": Range(source, _join(found["test"])),
    }


def _hold_out(source: Source, files: Sequence[_File], shares: dict[str, float]) -> Iterator[tuple[str, Span]]:
    """Yield spans of files of one kind, each with its role."""
    small = [file for file in files if file.bytes < MAX_WHOLE_FILE]
    if len(small) * min(shares.values()) < MIN_WHOLE_FILES:
        small = []
    queue = sorted(small, key=lambda file: _hash(file.name))
    total = sum(file.bytes for file in small)
    for role, share in shares.items():
        quota = share * total
        while queue and quota > 0:
            file = queue.pop()
            quota -= file.bytes
            yield role, (file.start, file.stop)
    for file in files:
        if file.bytes >= (MAX_WHOLE_FILE if small else MIN_CUT_FILE):
            yield from _pieces(source, file, shares)


def _pieces(source: Source, file: _File, shares: dict[str, float]) -> Iterator[tuple[str, Span]]:
    """Yield pieces of one file, each with its role: one per section, at an offset that the name decides."""
    total = sum(shares.values())
    count = max(1, min(MAX_PIECES_PER_FILE, int(file.bytes * total / PIECE_BYTES)))
    section = file.bytes // count
    for k in range(count):
        low = file.start + k * section
        high = file.stop if k == count - 1 else low + section
        length = max(1, int((high - low) * total))
        at = low + int(_hash(f"{file.name} {k}") * (high - low - length))
        start, stop = _whole_piece(source, low, high, at, length)
        for role, share in shares.items():
            end = stop
            if role != next(reversed(shares)):
                end = _next(source, start + int((stop - start) * share / total), stop, b"\n", stop - start)
            if end > start:
                yield role, (start, end)
            start = end


def _whole_piece(source: Source, low: int, high: int, at: int, length: int) -> Span:
    """Return a piece of about `length` bytes near `at`, of whole paragraphs where these are short enough."""
    reach = max(2 * length, 256)
    start, stop = at, at + length
    for end in BOUNDARIES:
        start = _last(source, low, at, end, reach)
        stop = _next(source, start + length, high, end, reach)
        if length / 2 <= stop - start <= 2 * length and not (start == low and stop == high):
            break
    return start, stop


def _next(source: Source, position: int, high: int, end: bytes, reach: int) -> int:
    """Return the first offset from `position` on, up to `high`, after `end` or at a character."""
    if position >= high:
        return high
    nearby = source.raw_bytes(position, min(high, position + reach))
    found = nearby.find(end) if end else -1
    if found >= 0:
        return position + found + len(end)
    if position + reach >= high and end:
        return high
    return min(high, source.boundary(position, lines=False))


def _last(source: Source, low: int, position: int, end: bytes, reach: int) -> int:
    """Return the last offset up to `position`, from `low` on, after `end` or at a character."""
    nearby = source.raw_bytes(max(low, position - reach), position)
    found = nearby.rfind(end) if end else -1
    if found >= 0:
        return position - len(nearby) + found + len(end)
    if position - reach <= low and end:
        return low
    return source.boundary(position, lines=False)


def _gaps(spans: Iterable[Span], end: int) -> Iterator[Span]:
    """Yield the gaps between spans in order."""
    at = 0
    for start, stop in spans:
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < end:
        yield at, end


def _join(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in order, adjacent ones joined."""
    joined: list[Span] = []
    for start, stop in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    return tuple(joined)


def _hash(name: str) -> float:
    """Return a number from 0 to 1 that depends on `name` alone."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:6], "big") / 2**48
