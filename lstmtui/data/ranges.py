"""Byte ranges of a source: the text of one part of a corpus."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from lstmtui.data.parts import CHUNK
from lstmtui.data.sources import Source

Span = tuple[int, int]
"""The first byte, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Range:
    """Some of the bytes of a source, as spans in order."""

    source: Source
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, source: Source, start: int, stop: int) -> Range:
        """Return bytes start .. stop - 1."""
        return cls(source, ((start, stop),))

    @classmethod
    def whole(cls, source: Source) -> Range:
        """Return all bytes."""
        return cls.of(source, 0, source.bytes)

    @property
    def length(self) -> int:
        """The number of bytes, long runs included."""
        return sum(stop - start for start, stop in self.spans)

    def chunks(self) -> Iterator[bytes]:
        """Yield the text piece by piece."""
        for start, stop in self.spans:
            yield from self.source.chunks(CHUNK, start, stop)

    def sample(self, size: int, pieces: int) -> Iterator[bytes]:
        """Yield about `size` bytes in `pieces` spread over the text, or all of a shorter text."""
        if self.length <= size:
            yield from self.chunks()
            return
        for k in range(pieces):
            yield from self._piece(k * self.length // pieces, size // pieces)

    def _piece(self, at: int, size: int) -> Iterator[bytes]:
        """Yield at least `size` bytes from the character at `at` on, an offset within the spans."""
        for start, stop in self.spans:
            if at < stop - start:
                # Spans begin and end at characters.
                first = self.source.boundary(start + at, lines=False) if at else start
                last = min(stop, self.source.boundary(first + size, lines=False) if first + size < stop else stop)
                yield from self.source.chunks(CHUNK, first, last)
                size -= last - first
                at = 0
                if size <= 0:
                    return
            else:
                at -= stop - start

    def identity(self) -> tuple[int | str, ...]:
        """Return what distinguishes this range from others of its source."""
        if len(self.spans) == 1:
            return self.spans[0]
        return len(self.spans), hashlib.sha256(json.dumps(self.spans).encode()).hexdigest()
