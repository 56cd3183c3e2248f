"""What was heard in the passages of a recording, one below the other; the chosen one with its words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from lstmtui.client.transcriber import Segment, Word
from lstmtui.common.terminal_text import one_line

UNSURE = 0.5
"""The confidence below which a word has a question mark."""
INDENT = 12
"""Columns of the time before a text."""
WORDS_INDENT = 3
MIN_TEXT = 10
"""Columns of text at least."""


class PassageLine(Widget):
    """A passage: when it begins, its text, and of the chosen one each word with times and confidence."""

    DEFAULT_CSS = """
    PassageLine { height: auto; width: 1fr; text-wrap: nowrap; }
    """

    segment: reactive[Segment | None] = reactive(None, layout=True)
    chosen: reactive[bool] = reactive(False, layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Content]:
        return [] if self.segment is None else lines(self.segment, width, chosen=self.chosen)


class PassageList(VerticalScroll, can_focus=False):
    """A paragraph for each passage."""

    DEFAULT_CSS = """
    PassageList > Static { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, classes=classes)
        self._lines: list[PassageLine] = []
        self._empty = Static()
        self._chosen = -1

    def on_mount(self) -> None:
        self.mount(self._empty)

    def say(self, text: str) -> None:
        """Show a sentence in place of passages, while there are none."""
        self._empty.update(Content.styled(one_line(text), "$foreground 60%"))
        self._empty.display = not self._lines

    def clear(self) -> None:
        """Remove all passages."""
        self.show([], -1)

    def show(self, segments: Sequence[Segment], chosen: int) -> None:
        """Show passages, one of them with its words."""
        for line in self._lines[len(segments) :]:
            line.remove()
        del self._lines[len(segments) :]
        while len(self._lines) < len(segments):
            self._lines.append(PassageLine())
            self.mount(self._lines[-1])
        for n, (line, segment) in enumerate(zip(self._lines, segments, strict=True)):
            line.segment, line.chosen = segment, n == chosen
        self._empty.display = not segments
        if chosen != self._chosen and 0 <= chosen < len(segments):
            self.call_after_refresh(self._lines[chosen].scroll_visible, animate=False)
        self._chosen = chosen


def lines(segment: Segment, width: int, *, chosen: bool) -> list[Content]:
    """Return a passage in lines of at most `width` columns, words and their figures uncut."""
    text = textwrap.wrap(one_line(segment.text), max(MIN_TEXT, width - INDENT)) or ["(nothing)"]
    mark = Content.assemble(
        ("▸" if chosen else " ", "bold $primary"), (f"{segment.start:6.2f} s".ljust(INDENT - 1), "$foreground 60%")
    )
    style = "bold" if chosen else "$foreground"
    found = [Content.assemble(Content(" " * INDENT) if n else mark, (part, style)) for n, part in enumerate(text)]
    room, row = max(MIN_TEXT, width - WORDS_INDENT), list[Content]()
    for word in map(_word, segment.words if chosen else ()):
        if row and sum(len(one) + WORDS_INDENT for one in row) + len(word) > room:
            found.append(_row(row))
            row = []
        row.append(word)
    return [*found, _row(row)] if row else found


def _row(words: Sequence[Content]) -> Content:
    gap = Content(" " * WORDS_INDENT)
    return Content.assemble(gap, gap.join(words))


def _word(word: Word) -> Content:
    """Return a word with its times and confidence; an unsure one has a question mark."""
    unsure = word.confidence < UNSURE
    return Content.assemble(
        (one_line(word.text) + ("?" if unsure else ""), "bold $warning" if unsure else "bold"),
        (f" {word.start:.2f}–{word.end:.2f} {100 * word.confidence:.0f}%", "$foreground 60%"),
    )
