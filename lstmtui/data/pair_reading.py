"""Pairs of lines from one table (source, tab, target, and columns that are ignored), or from two files side by side.

    stream = open_stream(["pairs.tsv"])  or  open_stream(["train.en", "train.de"])
    for pairs in stream.chunks(): ...

Text is read as any corpus is: UTF-8 or a named encoding, in Unicode's normal form C, without byte order marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lstmtui.common.paths import cache_root
from lstmtui.data.pairs import LINE_END, Pairs
from lstmtui.data.reading import ReadOptions, open_source
from lstmtui.data.sources import Source
from lstmtui.errors import UsageError


@dataclass(frozen=True, slots=True)
class PairStream:
    """Pairs that are read from their files in every pass, chunk by chunk."""

    names: tuple[str, ...]
    sources: tuple[Source, ...]
    """Of a table, or of the source lines and the target lines."""

    def chunks(self) -> Iterator[Pairs]:
        """Yield the pairs in their order, about a megabyte at once.

        Raises UsageError at the end for files of unlike numbers of lines, and for a table without tabs.
        """
        return self._columns() if len(self.sources) == 1 else self._side_by_side()

    def digests(self, cache: Path | None = None) -> list[str]:
        """Return the SHA-256 of the content of each file."""
        return [source.digest(cache) for source in self.sources]

    def _columns(self) -> Iterator[Pairs]:
        has_tab = False
        for lines in _lines(self.sources[0]):
            has_tab = has_tab or any("\t" in line for line in lines)
            columns = [(*line.split("\t", 2), "")[:2] for line in lines]
            yield Pairs(tuple(source for source, _ in columns), tuple(target for _, target in columns))
        if not has_tab:
            raise UsageError(
                f"The file {self.names[0]} has no tab in any line, so there are no targets; give a table of source, "
                f"tab and target, or the file of the targets as a second one."
            )

    def _side_by_side(self) -> Iterator[Pairs]:
        sides = [_lines(source) for source in self.sources]
        waiting: list[list[str]] = [[], []]
        counts, ended = [0, 0], False
        while not ended:
            behind = 0 if len(waiting[0]) <= len(waiting[1]) else 1
            found = next(sides[behind], None)
            if ended := found is None:
                break
            counts[behind] += len(found)
            waiting[behind] += found
            if size := min(map(len, waiting)):
                yield Pairs(*(tuple(lines[:size]) for lines in waiting))
                waiting = [lines[size:] for lines in waiting]
        for n, rest in enumerate(sides):
            counts[n] += sum(map(len, rest))
        if counts[0] != counts[1]:
            raise UsageError(
                f"The files {self.names[0]} and {self.names[1]} have {counts[0]:,} and {counts[1]:,} lines; line by "
                f"line, one must be the translation of the other."
            )


def open_stream(names: Sequence[str], *, encoding: str = "", cache: Path | None = None) -> PairStream:
    """Return the pairs of one table, or of two files of lines. Raises UsageError for files that are not text."""
    if len(names) not in (1, 2):
        raise UsageError(
            f"Parallel text is one table of source and target, or two files, not {len(names)}; give one or two files."
        )
    options = ReadOptions(encoding=encoding, keep_everything=True)
    cache = cache or cache_root()
    return PairStream(tuple(names), tuple(open_source([name], options, cache=cache) for name in names))


def read_pairs(names: Sequence[str], *, encoding: str = "", cache: Path | None = None) -> Pairs:
    """Return all pairs at once. Raises UsageError as `open_stream` and `PairStream.chunks` do."""
    return joined(list(open_stream(names, encoding=encoding, cache=cache).chunks()))


def joined(pieces: Sequence[Pairs]) -> Pairs:
    """Return the pairs of all pieces."""
    return Pairs(*(tuple(line for piece in pieces for line in getattr(piece, side)) for side in ("source", "target")))


def _lines(source: Source) -> Iterator[list[str]]:
    """Yield the lines of a text, without their ends, chunk by chunk; the text has one line at least."""
    begun: list[bytes] = []
    """Of a line whose end has not been read."""
    is_empty = True
    for chunk in source.chunks():
        body, end, rest = chunk.rpartition(LINE_END.encode())
        if end:
            yield b"".join([*begun, body]).decode("utf-8").split(LINE_END)
            begun, is_empty = [], False
        begun.append(rest)
    if is_empty or any(begun):
        yield [b"".join(begun).decode("utf-8")]
