"""What was heard in the passages of a recording, one below the other; the chosen one with its words."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lstmtui.client.transcriber import Segment, Word
from lstmtui.common.terminal_text import one_line

UNSURE = 0.5
"""The confidence below which a word has a question mark."""


class PassageList(VerticalScroll, can_focus=False):
    """A paragraph for each passage."""

    DEFAULT_CSS = """
    PassageList > Static { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, classes=classes)
        self._segments: list[Segment] = []
        self._lines: list[Static] = []
        self._empty = Static(classes="empty")
        self._chosen = -1

    def on_mount(self) -> None:
        self.mount(self._empty)

    def say(self, text: str) -> None:
        """Show a sentence in place of passages, while there are none."""
        self._empty.update(Content.styled(one_line(text), "$foreground 60%") if text else Content(""))
        self._empty.display = not self._segments

    def clear(self) -> None:
        """Remove all passages."""
        for line in self._lines:
            line.remove()
        self._segments, self._lines, self._chosen = [], [], -1
        self._empty.display = True

    def show(self, segments: list[Segment], chosen: int) -> None:
        """Show passages; those before the last two never change."""
        for n, segment in enumerate(segments):
            if n >= len(self._lines):
                self._lines.append(Static())
                self.mount(self._lines[-1])
            known = self._segments[n] if n < len(self._segments) else None
            if known != segment or (n in (chosen, self._chosen) and chosen != self._chosen):
                self._lines[n].update(paragraph(segment, chosen=n == chosen))
        for line in self._lines[len(segments) :]:
            line.remove()
        del self._lines[len(segments) :]
        self._segments, moved = list(segments), chosen != self._chosen
        self._chosen, self._empty.display = chosen, not segments
        if moved and 0 <= chosen < len(self._lines):
            self.call_after_refresh(self._lines[chosen].scroll_visible, animate=False)


def paragraph(segment: Segment, *, chosen: bool) -> Content:
    """Return a passage: when it begins, its text, and of the chosen one each word with times and confidence."""
    text = one_line(segment.text) or "(nothing)"
    found = Content.assemble(
        ("▸" if chosen else " ", "bold $primary"),
        (f"{segment.start:6.2f} s  ", "$foreground 60%"),
        (text, "bold" if chosen else "$foreground"),
    )
    if chosen and segment.words:
        words = Content.assemble(Content("   "), Content("   ").join(map(_word, segment.words)))
        found = Content("\n").join([found, words])
    return found


def _word(word: Word) -> Content:
    """Return a word with its times and confidence, which stay on one line; an unsure one has a question mark."""
    unsure = word.confidence < UNSURE
    figures = f"\u00a0{word.start:.2f}–{word.end:.2f}\u00a0{100 * word.confidence:.0f}%"
    return Content.assemble(
        (one_line(word.text).replace(" ", "\u00a0") + ("?" if unsure else ""), "bold $warning" if unsure else "bold"),
        (figures, "$foreground 60%"),
    )
