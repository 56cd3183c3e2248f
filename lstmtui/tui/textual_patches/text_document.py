"""The text of a text area exactly as it was typed, pasted or loaded, and which parts of it a model proposed.

The Document of Textual 8.2.8 ends a line at every separator that Unicode knows, and turns all of them into line feeds
(Document.replace_range).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from textual.document._document import Document, EditResult, Location

from lstmtui.common.terminal_text import safe

PRIVATE_NAMES = (
    "textual.document._document:Document._lines",
    "textual.document._document:EditResult",
    "textual.document._document:Location",
)
MAX_ROW = 2000
"""Characters of a row. A part of a row costs as much to draw as all of it, so a longer line continues in the next
row."""


class Proposal(NamedTuple):
    """The columns [start, stop) of a row, proposed by a model; `number` counts the proposals."""

    start: int
    stop: int
    number: int


class TextDocument(Document):
    """Rows of text separated by line feeds, without changing any other character."""

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._separators = ["\n"]
        """What follows each row but the last: empty where a long line continues."""
        self._proposals: list[tuple[Proposal, ...]] = [()]
        """The proposals in each row."""
        self._proposal_count = 0
        if text:
            self.replace_range((0, 0), (0, 0), text)

    @property
    def text(self) -> str:
        return self.before((len(self._lines) - 1, len(self._lines[-1])))

    def before(self, end: Location) -> str:
        """Return the text up to a location."""
        row, column = end
        parts = [part for pair in zip(self._lines[:row], self._separators, strict=False) for part in pair]
        return "".join([*parts, self._lines[row][:column]])

    def get_text_range(self, start: Location, end: Location) -> str:
        (top, left), (bottom, right) = sorted((start, end))
        if top == bottom:
            return self._lines[top][left:right]
        between = [part for row in range(top + 1, bottom) for part in (self._lines[row], self._separators[row])]
        return "".join([self._lines[top][left:], self._separators[top], *between, self._lines[bottom][:right]])

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        (top, left), (bottom, right) = sorted((start, end))
        replaced = self.get_text_range(start, end)
        rows, separators = split_rows(text)
        column = len(rows[-1]) + (left if len(rows) == 1 else 0)
        proposals: list[tuple[Proposal, ...]] = [() for _ in rows]
        proposals[0] = _crop(self._proposals[top], 0, left)
        after = _crop(self._proposals[bottom], right, len(self._lines[bottom]), offset=column - right)
        proposals[-1] = (*proposals[-1], *after)
        rest = self._lines[bottom][right:]
        rows[0] = self._lines[top][:left] + rows[0]
        rows[-1] += rest
        self._separators[top : bottom + 1] = [*separators, self._separators[bottom]]
        self._lines[top : bottom + 1] = rows
        self._proposals[top : bottom + 1] = proposals
        return EditResult((top + len(rows) - 1, column), replaced)

    def mark_proposal(self, start: Location, end: Location) -> None:
        """Record that the text from `start` to `end` was proposed by a model and accepted with one key."""
        self._proposal_count += 1
        for row in range(start[0], end[0] + 1):
            proposal = Proposal(
                start[1] if row == start[0] else 0,
                end[1] if row == end[0] else len(self._lines[row]),
                self._proposal_count,
            )
            self._proposals[row] = (*self._proposals[row], proposal)

    @property
    def keys_saved(self) -> int:
        """How many keystrokes the proposals saved, counting only their characters that are still in the text."""
        remaining: Counter[int] = Counter()
        for proposal in (proposal for row in self._proposals for proposal in row):
            remaining[proposal.number] += proposal.stop - proposal.start
        return sum(max(0, characters - 1) for characters in remaining.values())


class DrawnDocument:
    """A document as it is drawn: rows that are safe for a terminal and as long as before. Textual measures them."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def lines(self) -> DrawnRows:
        """The rows, made safe on access."""
        return DrawnRows(self._document.lines)

    def get_line(self, index: int) -> str:
        """Return one row."""
        return drawn(self._document.get_line(index))

    def __getitem__(self, index: Any) -> Any:
        return self.lines[index]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._document, name)


class DrawnRows:
    """Rows as they are drawn."""

    def __init__(self, rows: list[str]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return map(drawn, self._rows)

    def __getitem__(self, index: Any) -> Any:
        found = self._rows[index]
        return drawn(found) if isinstance(found, str) else [drawn(row) for row in found]


def drawn(row: str) -> str:
    """Return a row as it is drawn; Textual expands the tabs."""
    return safe(row, tabs=True)


def split_rows(text: str) -> tuple[list[str], list[str]]:
    """Return `text` in rows of at most MAX_ROW characters, and what separates them: a line feed, or nothing."""
    rows: list[str] = []
    separators: list[str] = []
    for line in text.split("\n"):
        low = 0
        while len(line) - low > MAX_ROW:
            space = line.rfind(" ", low, low + MAX_ROW)
            high = space + 1 if space >= 0 else low + MAX_ROW
            rows.append(line[low:high])
            separators.append("")
            low = high
        rows.append(line[low:])
        separators.append("\n")
    return rows, separators[:-1]


def _crop(proposals: tuple[Proposal, ...], low: int, high: int, *, offset: int = 0) -> tuple[Proposal, ...]:
    """Return the parts of `proposals` within the columns [low, high), shifted right by `offset`."""
    cropped = ((max(low, start), min(high, stop), number) for start, stop, number in proposals)
    return tuple(Proposal(start + offset, stop + offset, number) for start, stop, number in cropped if start < stop)
