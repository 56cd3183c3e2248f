"""A text whose every character is coloured by what a unit did there, with the same said in glyphs below each line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.common.terminal_text import safe
from lstmtui.tui.widgets import shades

Span = tuple[int, int]


class CodedText(Widget):
    """Two rows to a line: the text on coloured ground, and below it dots and shades for whoever sees no colour."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*shades.CLASSES, "coded--words"}
    DEFAULT_CSS = f"""
    CodedText {{
        height: 1fr;
        width: 1fr;
        {shades.CSS}
        & > .coded--words {{ color: $foreground 75%; }}
    }}
    """

    class Moved(Message):
        """The cursor was put on a token with the mouse; `extend` when a span was drawn."""

        def __init__(self, token: int, extend: bool) -> None:
            super().__init__()
            self.token, self.extend = token, extend

    pieces: reactive[tuple[str, ...]] = reactive((), always_update=True)
    """The text, token by token; not safe for a terminal."""
    values: reactive[tuple[float, ...]] = reactive((), always_update=True)
    """One value from -1 to 1 for each token."""
    cursor: reactive[int] = reactive(0)
    span: reactive[Span | None] = reactive(None)
    """First and last token of what is chosen."""
    matches: reactive[tuple[Span, ...]] = reactive(())
    """Other places to point at."""
    said: reactive[str] = reactive("")
    """What is said while there is no text."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._shown: tuple[str, ...] = ()
        self._lines: list[tuple[int, int]] = []
        self._laid_out = -1
        self._top = 0

    def watch_pieces(self, pieces: tuple[str, ...]) -> None:
        self._shown = tuple(shown(piece) for piece in pieces)
        self._laid_out, self._top = -1, 0

    def _layout(self) -> None:
        width = self.size.width
        if width != self._laid_out:
            self._laid_out = width
            self._lines = lines(self._shown, width)
        rows = max(1, self.size.height // 2)
        here = self.line_of(self.cursor)
        if here < self._top:
            self._top = here
        elif here >= self._top + rows:
            self._top = here - rows + 1
        self._top = max(0, min(self._top, len(self._lines) - rows))

    def line_of(self, token: int) -> int:
        """Return the line that `token` stands on."""
        for number, (first, last) in enumerate(self._lines):
            if first <= token < last:
                return number
        return 0

    def above(self, token: int, by: int) -> int:
        """Return the token `by` lines below `token` (above, if negative), at about the same column."""
        self._layout()
        if not self._lines:
            return 0
        line = self.line_of(token)
        there = min(max(0, line + by), len(self._lines) - 1)
        first, last = self._lines[there]
        return min(first + token - self._lines[line][0], max(first, last - 1))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not self._shown:
            return self._say(y, width)
        if y == 0:
            self._layout()
        number = self._top + y // 2
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        first, last = self._lines[number]
        styles = shades.styles(self)
        segments = [self._segment(token, styles, below=bool(y % 2)) for token in range(first, last)]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _segment(self, token: int, styles: dict[str, Style], *, below: bool) -> Segment:
        value = self.values[token] if token < len(self.values) else 0.0
        text = self._shown[token]
        style = styles[shades.name(value)]
        if below:
            return Segment(
                shades.glyph(value) * cell_len(text), Style(color=style.color, bgcolor=self.rich_style.bgcolor)
            )
        flat = style.bgcolor is None or style.bgcolor == self.rich_style.bgcolor
        style = style if flat else Style(color=self.rich_style.color, bgcolor=style.bgcolor)
        if any(a <= token <= b for a, b in self.matches):
            style += Style(underline=True, bold=True)
        if self.span is not None and self.span[0] <= token <= self.span[1]:
            style += Style(underline=True, bold=True, italic=True)
        if token == self.cursor:
            style += Style(reverse=True)
        return Segment(text, style)

    def _say(self, y: int, width: int) -> Strip:
        said = safe(self.said).splitlines()
        row = y - max(0, (self.size.height - len(said)) // 2)
        text = said[row] if 0 <= row < len(said) else ""
        return Strip([Segment(text[:width].center(width), self.get_component_rich_style("coded--words"))], width)

    # --- mouse ----------------------------------------------------------------------------------------------------

    def _token_at(self, x: int, y: int) -> int | None:
        number = self._top + y // 2
        if not 0 <= number < len(self._lines):
            return None
        first, last = self._lines[number]
        at = 0
        for token in range(first, last):
            at += cell_len(self._shown[token])
            if x < at:
                return token
        return last - 1

    def on_mouse_down(self, event: events.MouseDown) -> None:
        token = self._token_at(event.x, event.y)
        if token is not None:
            self.post_message(self.Moved(token, extend=event.shift))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        token = self._token_at(event.x, event.y)
        if event.button and token is not None and token != self.cursor:
            self.post_message(self.Moved(token, extend=True))

    def on_mouse_scroll_down(self) -> None:
        self.post_message(self.Moved(self.above(self.cursor, 3), extend=False))

    def on_mouse_scroll_up(self) -> None:
        self.post_message(self.Moved(self.above(self.cursor, -3), extend=False))


def shown(piece: str) -> str:
    """Return a token as it is painted: safe, on one line, and never empty."""
    return safe(piece.replace("\r\n", "\n"), newlines=False).replace("\N{SYMBOL FOR NEWLINE}", "⏎") or "·"


def lines(pieces: Sequence[str], width: int) -> list[tuple[int, int]]:
    """Return first and one past the last token of each line: broken after line ends, and at spaces where possible."""
    found: list[tuple[int, int]] = []
    first, used, after_space = 0, 0, 0
    for token, piece in enumerate(pieces):
        size = cell_len(piece)
        if used + size > width and token > first:
            end = after_space if after_space > first else token
            found.append((first, end))
            first, used = end, sum(cell_len(p) for p in pieces[end:token])
        used += size
        if piece.endswith((" ", "⏎")):
            after_space = token + 1
        if piece.endswith("⏎"):
            found.append((first, token + 1))
            first, used = token + 1, 0
    if first < len(pieces):
        found.append((first, len(pieces)))
    return found
