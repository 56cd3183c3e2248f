"""The text of an open document, changed as the editor says, and places in it.

Lines end in "\\n", "\\r\\n" or "\\r" and nothing else, as the protocol has it: Python's `splitlines` also ends them at
form feeds and other characters, after which every place would be a wrong one. Columns count units of UTF-16 unless
editor and server agree on another encoding, so that an emoji is two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_LINE = re.compile("[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\\Z|\\Z")
_WIDTHS = {
    "utf-8": lambda character: len(character.encode("utf-8", "surrogatepass")),
    "utf-16": lambda character: 1 + (character > "\uffff"),
    "utf-32": lambda character: 1,
}


def split_lines(text: str) -> list[str]:
    """Return the lines of a text with their ends; the last one has none, and may be empty."""
    found = _LINE.findall(text)
    # The pattern also matches at the end of a line that the text ends in, and after one that it does not.
    return found[:-1] if len(found) > 1 and found[-2][-1:] not in ("\r", "\n") else found


class Document:
    """One document. It never raises: a place outside the text is the nearest one inside."""

    def __init__(self, text: str, version: int | None = None, encoding: str = "utf-16") -> None:
        """`encoding` is the one whose units columns count."""
        self.version = version
        self._lines = split_lines(text)
        self._encoding = encoding if encoding in _WIDTHS else "utf-16"

    @property
    def source(self) -> str:
        """The whole text."""
        return "".join(self._lines)

    def apply_change(self, change: Any) -> None:
        """Apply one change of the protocol, to a range or to all of the text."""
        if getattr(change, "range", None) is None:
            self._lines = split_lines(change.text)
            return
        first, start = self._place(change.range.start)
        last, end = self._place(change.range.end)
        if (last, end) < (first, start):
            (first, start), (last, end) = (last, end), (first, start)
        text = self._lines[first][:start] + change.text + self._lines[last][end:]
        # A "\r" and a "\n" that now meet at an edge are one end of a line.
        above, below = max(0, first - 1), min(len(self._lines), last + 2)
        around = [*self._lines[above:first], text, *self._lines[last + 1 : below]]
        changed = split_lines("".join(around))
        if below < len(self._lines):
            changed.pop()  # the empty line after the last end: the next line stands there
        self._lines[above:below] = changed

    def text_before(self, position: Any, limit: int) -> str:
        """Return up to `limit` characters before a position."""
        line, column = self._place(position)
        parts, length = [self._lines[line][:column]], column
        while line and length < limit:
            line -= 1
            parts.append(self._lines[line])
            length += len(self._lines[line])
        return "".join(reversed(parts))[-limit:]

    def after(self, position: Any) -> str:
        """Return the rest of the line after a position, without its end."""
        line, column = self._place(position)
        return self._lines[line][column:].rstrip("\r\n")

    def units(self, text: str) -> int:
        """Return the length of a text in the units that columns count."""
        return sum(map(_WIDTHS[self._encoding], text))

    def _place(self, position: Any) -> tuple[int, int]:
        """Return line and character of a position; a column inside a character is before it."""
        line = max(0, position.line)
        if line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        text = self._lines[line].rstrip("\r\n")
        if self._encoding == "utf-16" and text.isascii():
            return line, max(0, min(position.character, len(text)))
        return line, _characters(text, position.character, map(_WIDTHS[self._encoding], text))


def _characters(text: str, units: int, widths: Iterable[int]) -> int:
    """Return how many whole characters are within `units`."""
    for at, width in enumerate(widths):
        if width > units:
            return at
        units -= width
    return len(text)
