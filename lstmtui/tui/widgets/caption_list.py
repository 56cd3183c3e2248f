"""The captions of a picture, one below the other; of the chosen one, the word whose attention is shown."""

from __future__ import annotations

import math
import textwrap
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.client.captioner import Caption
from lstmtui.common.terminal_text import one_line

INDENT = 9
"""Columns of mark and probability before a caption."""
MIN_TEXT = 10
"""Columns of words at least."""
WHOLE = -1
"""The place of no word: the picture is shown as it is."""


class CaptionLines(Widget):
    """All captions, as lines."""

    DEFAULT_CSS = """
    CaptionLines { height: auto; width: 1fr; text-wrap: nowrap; }
    """

    captions: reactive[tuple[Caption, ...]] = reactive((), layout=True)
    chosen: reactive[int] = reactive(0)
    word: reactive[int] = reactive(WHOLE)
    empty_text: reactive[str] = reactive("", layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Content]:
        if not self.captions:
            return [Content.styled(line, "$foreground 60%") for line in textwrap.wrap(self.empty_text, max(1, width))]
        found: list[Content] = []
        for n, caption in enumerate(self.captions):
            at = self.word if n == self.chosen else WHOLE
            found += lines(caption, width, is_chosen=n == self.chosen, word=at)
        return found


class CaptionList(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Up and down choose a caption, left and right a word of it."""

    HELP = "The captions have the focus: up and down choose one, left and right a word; enter or a pasted path goes on."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "word(-1)", "Word before", tooltip="What the word before has looked at"),
        Binding("right,l", "word(1)", "Next word", tooltip="What the next word has looked at"),
        Binding("up,k", "choose(-1)", "Caption before", show=False),
        Binding("down,j", "choose(1)", "Next caption", show=False),
        Binding("home", "word(-1000)", "Whole picture", show=False),
    ]

    class Moved(Message):
        """Another caption or word was chosen."""

    class PathPasted(Message):
        """A path was pasted, or dropped on the terminal."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, classes=classes)
        self._lines = CaptionLines()

    def compose(self) -> ComposeResult:
        yield self._lines

    @property
    def captions(self) -> tuple[Caption, ...]:
        """The captions, the best first."""
        return self._lines.captions

    @property
    def caption(self) -> Caption | None:
        """The chosen one."""
        return self.captions[self._lines.chosen] if self._lines.chosen < len(self.captions) else None

    @property
    def word(self) -> int:
        """The place of the chosen word in its caption; WHOLE for none."""
        return self._lines.word

    def show(self, captions: tuple[Caption, ...], empty_text: str = "") -> None:
        """Show captions, the first chosen, or a sentence where there are none."""
        self._lines.captions, self._lines.chosen, self._lines.word = captions, 0, WHOLE
        self._lines.empty_text = empty_text
        self.post_message(self.Moved())

    def action_word(self, by: int) -> None:
        if self.caption is None:
            return
        self._lines.word = max(WHOLE, min(self._lines.word + by, len(self.caption.tokens) - 1))
        self.post_message(self.Moved())

    def action_choose(self, by: int) -> None:
        if not self.captions:
            return
        self._lines.chosen = max(0, min(self._lines.chosen + by, len(self.captions) - 1))
        self._lines.word = WHOLE
        self.post_message(self.Moved())

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.post_message(self.PathPasted(event.text))


def spaces(caption: Caption) -> list[str]:
    """Return what stands before each token: a space or nothing, as in the text of the caption."""
    found, at = [], 0
    for token in caption.tokens:
        place = caption.text.find(token, at)
        found.append(" " if place < 0 or place > at else "")
        at = at if place < 0 else place + len(token)
    return found


def lines(caption: Caption, width: int, *, is_chosen: bool, word: int) -> list[Content]:
    """Return a caption in lines of at most `width` columns, its words uncut where there is room."""
    room = max(MIN_TEXT, width - INDENT)
    rows: list[list[Content]] = [[]]
    used = 0
    for n, (space, token) in enumerate(zip(spaces(caption), caption.tokens, strict=True)):
        text = one_line(token) or "·"
        if rows[-1] and used + len(space) + len(text) > room:
            rows.append([])
            used = 0
        if rows[-1] and space:
            rows[-1].append(Content(space))
            used += len(space)
        used += len(text)
        style = "reverse bold" if n == word else "bold" if is_chosen else "$foreground"
        rows[-1].append(Content.styled(text, style))
    mark = Content.assemble(
        ("▸" if is_chosen else " ", "bold $primary"),
        (f"{100 * math.exp(min(0.0, caption.log_probability)):5.1f}%".ljust(INDENT - 1), "$foreground 60%"),
    )
    return [Content.assemble(Content(" " * INDENT) if n else mark, Content("").join(row)) for n, row in enumerate(rows)]
