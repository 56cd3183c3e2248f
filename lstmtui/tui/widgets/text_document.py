"""The text of a text area, exactly as it was typed, pasted or loaded, and what of it came from a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from textual.document._document import Document, EditResult, Location

from lstmtui.common.terminal_text import safe

MAX_ROW = 2000
"""Characters of a row: to draw a part of it, all of it is gone through. A longer line goes on in the next row."""


class Piece(NamedTuple):
    """Part of a row that a model proposed: from where, to where, and of which proposal it is."""

    start: int
    stop: int
    proposal: int


class TextDocument(Document):
    """Rows of text between line feeds; Textual's document ends lines at every separator that Unicode knows, and makes
    line feeds of them all (8.2.8, Document.replace_range)."""

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._ends = ["\n"]
        """What stands behind each row but the last: nothing where a long line only goes on."""
        self._pieces: list[tuple[Piece, ...]] = [()]
        self._proposals = 0
        if text:
            self.replace_range((0, 0), (0, 0), text)

    @property
    def text(self) -> str:
        return self.before((len(self._lines) - 1, len(self._lines[-1])))

    def before(self, end: Location) -> str:
        """Return the text up to a place."""
        row, column = end
        parts = [part for pair in zip(self._lines[:row], self._ends, strict=False) for part in pair]
        return "".join([*parts, self._lines[row][:column]])

    def get_text_range(self, start: Location, end: Location) -> str:
        (top, left), (bottom, right) = sorted((start, end))
        if top == bottom:
            return self._lines[top][left:right]
        between = [part for row in range(top + 1, bottom) for part in (self._lines[row], self._ends[row])]
        return "".join([self._lines[top][left:], self._ends[top], *between, self._lines[bottom][:right]])

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        (top, left), (bottom, right) = sorted((start, end))
        replaced = self.get_text_range(start, end)
        rows, ends = in_rows(text)
        column = len(rows[-1]) + (left if len(rows) == 1 else 0)
        pieces: list[tuple[Piece, ...]] = [() for _ in rows]
        pieces[0] = _cut(self._pieces[top], 0, left)
        pieces[-1] = (*pieces[-1], *_cut(self._pieces[bottom], right, len(self._lines[bottom]), moved=column - right))
        after = self._lines[bottom][right:]
        rows[0] = self._lines[top][:left] + rows[0]
        rows[-1] += after
        self._ends[top : bottom + 1] = [*ends, self._ends[bottom]]
        self._lines[top : bottom + 1] = rows
        self._pieces[top : bottom + 1] = pieces
        return EditResult((top + len(rows) - 1, column), replaced)

    def propose(self, start: Location, end: Location) -> None:
        """Note that the text from `start` to `end` was taken from a model, with one key."""
        self._proposals += 1
        for row in range(start[0], end[0] + 1):
            piece = Piece(
                start[1] if row == start[0] else 0,
                end[1] if row == end[0] else len(self._lines[row]),
                self._proposals,
            )
            self._pieces[row] = (*self._pieces[row], piece)

    @property
    def keys_saved(self) -> int:
        """How many keys what still stands of the proposals did not need."""
        standing: Counter[int] = Counter()
        for piece in (piece for row in self._pieces for piece in row):
            standing[piece.proposal] += piece.stop - piece.start
        return sum(max(0, characters - 1) for characters in standing.values())


class ShownDocument:
    """A document as it is drawn: each row as long as it is, without what a terminal would obey. Textual measures and
    wraps it in the place of the text itself."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def lines(self) -> ShownRows:
        """The rows, made safe when they are looked at."""
        return ShownRows(self._document.lines)

    def get_line(self, index: int) -> str:
        """Return one row."""
        return shown(self._document.get_line(index))

    def __getitem__(self, index: Any) -> Any:
        return self.lines[index]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._document, name)


class ShownRows:
    """Rows as they are drawn."""

    def __init__(self, rows: list[str]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return map(shown, self._rows)

    def __getitem__(self, index: Any) -> Any:
        found = self._rows[index]
        return shown(found) if isinstance(found, str) else [shown(row) for row in found]


def shown(row: str) -> str:
    """Return a row as it is drawn; Textual gives tabs their width."""
    return safe(row, tabs=True)


def in_rows(text: str) -> tuple[list[str], list[str]]:
    """Return `text` in rows of at most MAX_ROW characters, and what stands between them: a line feed, or nothing."""
    rows: list[str] = []
    ends: list[str] = []
    for line in text.split("\n"):
        low = 0
        while len(line) - low > MAX_ROW:
            space = line.rfind(" ", low, low + MAX_ROW)
            high = space + 1 if space >= 0 else low + MAX_ROW
            rows.append(line[low:high])
            ends.append("")
            low = high
        rows.append(line[low:])
        ends.append("\n")
    return rows, ends[:-1]


def _cut(pieces: tuple[Piece, ...], low: int, high: int, *, moved: int = 0) -> tuple[Piece, ...]:
    """Return what of `pieces` lies between two columns, moved to the right."""
    cut = ((max(low, start), min(high, stop), proposal) for start, stop, proposal in pieces)
    return tuple(Piece(start + moved, stop + moved, proposal) for start, stop, proposal in cut if start < stop)
