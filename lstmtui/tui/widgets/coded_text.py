"""A text coloured by the value of a unit at each token, with glyphs below each line that need no colour."""

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
from lstmtui.tui.widgets.axes import centered_text

Span = tuple[int, int]


class CodedText(Widget):
    """Two rows a line: the text on a coloured background, and below it the same values as dots and shades."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*shades.CLASSES, "coded--text"}
    DEFAULT_CSS = f"""
    CodedText {{
        height: 1fr;
        width: 1fr;
        {shades.CSS}
        & > .coded--text {{ color: $foreground 75%; }}
    }}
    """

    class Moved(Message):
        """The mouse moved the cursor to a token; `extend` while it selects a span."""

        def __init__(self, token: int, extend: bool) -> None:
            super().__init__()
            self.token, self.extend = token, extend

    pieces: reactive[tuple[str, ...]] = reactive((), always_update=True)
    """The text, token by token; not safe for a terminal."""
    values: reactive[tuple[float, ...]] = reactive((), always_update=True)
    """One value from -1 to 1 for each token."""
    cursor: reactive[int] = reactive(0)
    span: reactive[Span | None] = reactive(None)
    """First and last token of the selection."""
    matches: reactive[tuple[Span, ...]] = reactive(())
    """Other places, underlined."""
    empty_text: reactive[str] = reactive("")
    """Shown while there is no text."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._printed: tuple[str, ...] = ()
        self._lines: list[tuple[int, int]] = []
        self._layout_width = -1
        self._top = 0

    def watch_pieces(self, pieces: tuple[str, ...]) -> None:
        self._printed = tuple(printable(piece) for piece in pieces)
        self._layout_width, self._top = -1, 0

    def _layout(self) -> None:
        width = self.size.width
        if width != self._layout_width:
            self._layout_width = width
            self._lines = break_lines(self._printed, width)
        rows = max(1, self.size.height // 2)
        current = self.line_of(self.cursor)
        if current < self._top:
            self._top = current
        elif current >= self._top + rows:
            self._top = current - rows + 1
        self._top = max(0, min(self._top, len(self._lines) - rows))

    def line_of(self, token: int) -> int:
        """Return the line of `token`."""
        for number, (first, last) in enumerate(self._lines):
            if first <= token < last:
                return number
        return 0

    def token_lines_below(self, token: int, by: int) -> int:
        """Return the token `by` lines below `token` (above, if negative), at about the same column."""
        self._layout()
        if not self._lines:
            return 0
        line = self.line_of(token)
        first, last = self._lines[min(max(0, line + by), len(self._lines) - 1)]
        return min(first + token - self._lines[line][0], max(first, last - 1))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not self._printed:
            style = self.get_component_rich_style("coded--text")
            strips = centered_text(self.empty_text, width, self.size.height, style, self.rich_style)
            return strips[y] if y < len(strips) else Strip.blank(width, self.rich_style)
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
        text = self._printed[token]
        style = styles[shades.name(value)]
        if below:
            line = shades.glyph(value, shades.dots(self)) * cell_len(text)
            return Segment(line, Style(color=style.color, bgcolor=self.rich_style.bgcolor))
        flat = style.bgcolor is None or style.bgcolor == self.rich_style.bgcolor
        style = style if flat else Style(color=self.rich_style.color, bgcolor=style.bgcolor)
        if any(a <= token <= b for a, b in self.matches):
            style += Style(underline=True, bold=True)
        if self.span is not None and self.span[0] <= token <= self.span[1]:
            style += Style(underline=True, bold=True, italic=True)
        if token == self.cursor:
            style += Style(reverse=True)
        return Segment(text, style)

    # --- mouse ----------------------------------------------------------------------------------------------------

    def _token_at(self, x: int, y: int) -> int | None:
        number = self._top + y // 2
        if not 0 <= number < len(self._lines):
            return None
        first, last = self._lines[number]
        at = 0
        for token in range(first, last):
            at += cell_len(self._printed[token])
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
        self.post_message(self.Moved(self.token_lines_below(self.cursor, 3), extend=False))

    def on_mouse_scroll_up(self) -> None:
        self.post_message(self.Moved(self.token_lines_below(self.cursor, -3), extend=False))


def printable(piece: str) -> str:
    """Return a token as it is drawn: safe for a terminal, on one line, and never empty."""
    return safe(piece.replace("\r\n", "\n"), newlines=False).replace("\N{SYMBOL FOR NEWLINE}", "⏎") or "·"


def break_lines(pieces: Sequence[str], width: int) -> list[tuple[int, int]]:
    """Return the half-open range of tokens of each line, broken after line ends and at spaces where possible."""
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
