"""Validation and test text from every kind of file of a folder: whole small files, and pieces of whole paragraphs.

Files that end alike are of one kind. Which files and pieces are taken follows from a hash of their names, so that it is
the same on every machine and for every seed of the network, and runs can be compared.
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
"""Bytes; smaller files are taken whole, where their kind has enough of them."""
MIN_CUT_FILE = 256
"""Bytes; a smaller file is not cut."""
MIN_WHOLE_FILES = 2
"""Files of a kind that must be taken whole, else each is cut."""
PIECE_BYTES = 64 << 10
"""Bytes of a piece, about."""
MAX_PIECES_PER_FILE = 8
"""Pieces that are taken from one file."""
BOUNDARIES = (b"\n\n", b"\n", b" ", b"")
"""Where a piece may begin and end, best first: at a paragraph, a line, a word, a character."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the source, from its first byte to before its last, counted from the source's first."""

    part: Part
    start: int
    stop: int

    @property
    def bytes(self) -> int:
        return self.stop - self.start

    @property
    def name(self) -> str:
        """What it is called below the folder that was given, wherever that lies."""
        return (
            os.path.relpath(self.part.name, self.part.folder) if self.part.folder else os.path.basename(self.part.name)
        )

    @property
    def kind(self) -> str:
        return os.path.splitext(self.name)[1].lower()


def mixed_split(source: Source, shares: dict[str, float]) -> dict[str, Range] | None:
    """Return train, valid and test of which each kind of file has its share; None where there is too little text."""
    kinds: dict[str, list[_File]] = {}
    for part, start, stop in source.part_spans():
        file = _File(part, start, stop)
        kinds.setdefault(file.kind, []).append(file)
    found: dict[str, list[Span]] = {"valid": [], "test": []}
    wanted = {role: share for role, share in shares.items() if share}
    for files in kinds.values():
        for role, spans in _of_a_kind(source, files, wanted):
            found[role].extend(spans)
    if any(sum(stop - start for start, stop in found[role]) < 2 for role in wanted):
        return None
    # The newline that stands between two files belongs to the one before.
    ends = {stop: start for (_, _, stop), (_, start, _) in itertools.pairwise(source.part_spans())}
    for spans in found.values():
        spans[:] = sorted((start, ends.get(stop, stop)) for start, stop in spans)
    taken = sorted(found["valid"] + found["test"])
    return {
        "train": Range(source, tuple(_rest(taken, source.bytes))),
        "valid": Range(source, tuple(_joined(found["valid"]))),
        "test": Range(source, tuple(_joined(found["test"]))),
    }


def _of_a_kind(source: Source, files: Sequence[_File], wanted: dict[str, float]) -> Iterator[tuple[str, list[Span]]]:
    """Yield roles and the spans of files of one kind that are taken for them."""
    small = [file for file in files if file.bytes < MAX_WHOLE_FILE]
    if len(small) * min(wanted.values()) < MIN_WHOLE_FILES:
        small = []
    queue = sorted(small, key=lambda file: _hash(file.name))
    total = sum(file.bytes for file in small)
    for role, share in wanted.items():
        quota = share * total
        while queue and quota > 0:
            file = queue.pop()
            quota -= file.bytes
            yield role, [(file.start, file.stop)]
    for file in files:
        if file.bytes >= (MAX_WHOLE_FILE if small else MIN_CUT_FILE):
            yield from _pieces_of(source, file, wanted)


def _pieces_of(source: Source, file: _File, wanted: dict[str, float]) -> Iterator[tuple[str, list[Span]]]:
    """Yield pieces of one file, at places that its name decides, each in a section of its own."""
    share = sum(wanted.values())
    count = max(1, min(MAX_PIECES_PER_FILE, int(file.bytes * share / PIECE_BYTES)))
    section = file.bytes // count
    for k in range(count):
        low = file.start + k * section
        high = file.stop if k == count - 1 else low + section
        length = max(1, int((high - low) * share))
        at = low + int(_hash(f"{file.name} {k}") * (high - low - length))
        start, stop = _whole_piece(source, low, high, at, length)
        for role, part in wanted.items():
            end = stop
            if role != next(reversed(wanted)):
                end = _next(source, start + int((stop - start) * part / share), stop, b"\n", stop - start)
            if end > start:
                yield role, [(start, end)]
            start = end


def _whole_piece(source: Source, low: int, high: int, at: int, length: int) -> Span:
    """Return a piece of about `length` bytes from about `at` on, of whole paragraphs where these are not too long."""
    reach = max(2 * length, 256)
    start, stop = at, at + length
    for end in BOUNDARIES:
        start = _last(source, low, at, end, reach)
        stop = _next(source, start + length, high, end, reach)
        if length / 2 <= stop - start <= 2 * length and not (start == low and stop == high):
            break
    return start, stop


def _next(source: Source, position: int, high: int, end: bytes, reach: int) -> int:
    """Return the first place from `position` on, before `high`, that lies behind `end`, or the next character."""
    if position >= high:
        return high
    near = source.raw_bytes(position, min(high, position + reach))
    found = near.find(end) if end else -1
    if found >= 0:
        return position + found + len(end)
    if position + reach >= high and end:
        return high
    return min(high, source.boundary(position, lines=False))


def _last(source: Source, low: int, position: int, end: bytes, reach: int) -> int:
    """Return the last place up to `position`, from `low` on, that lies behind `end`, or the next character."""
    near = source.raw_bytes(max(low, position - reach), position)
    found = near.rfind(end) if end else -1
    if found >= 0:
        return position - len(near) + found + len(end)
    if position - reach <= low and end:
        return low
    return source.boundary(position, lines=False)


def _rest(taken: Iterable[Span], end: int) -> Iterator[Span]:
    """Yield what is left between spans in order."""
    at = 0
    for start, stop in taken:
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < end:
        yield at, end


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield spans in order, those that touch as one."""
    open_: Span | None = None
    for start, stop in spans:
        if open_ is not None and open_[1] == start:
            open_ = open_[0], stop
            continue
        if open_ is not None:
            yield open_
        open_ = start, stop
    if open_ is not None:
        yield open_


def _hash(name: str) -> float:
    """Return a number from 0 to 1 that `name` decides."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:6], "big") / 2**48
