"""Rows of values over the tokens of a text, around the cursor: the gates of a unit, or all units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.tui.widgets import shades
from lstmtui.tui.widgets.coded_text import Span, printable


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a label, and a value from -1 to 1 for each token."""

    label: str
    value: Callable[[int], float]
    value_text: Callable[[int], str]
    """The number shown behind the row for the cursor's token; empty for none."""


class TokenMap(Widget):
    """A heat map below the text; the cursor's column is reversed, the chosen row is bold."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*shades.CLASSES, "map--label", "map--chosen"}
    DEFAULT_CSS = f"""
    TokenMap {{
        height: 1fr;
        width: 1fr;
        {shades.CSS}
        & > .map--label {{ color: $foreground 75%; }}
        & > .map--chosen {{ color: $foreground; text-style: bold; }}
    }}
    """

    class Chosen(Message):
        """A row or a token was clicked."""

        def __init__(self, source: TokenMap, row: int | None, token: int | None) -> None:
            super().__init__()
            self.source, self.row, self.token = source, row, token

    rows: reactive[tuple[Row, ...]] = reactive((), always_update=True, layout=True)
    pieces: reactive[tuple[str, ...]] = reactive((), always_update=True)
    cursor: reactive[int] = reactive(0)
    chosen: reactive[int | None] = reactive(None)
    """The index of the highlighted row."""
    span: reactive[Span | None] = reactive(None)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._first = 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 + len(self.rows)

    def _geometry(self) -> tuple[int, int, int]:
        """Return the widths of the labels, of the map and of the numbers behind it."""
        width = self.size.width
        label = min(max((len(row.label) for row in self.rows[:400]), default=0) + 1, width // 2)
        numbers = 7 if width - label > 24 and any(row.value_text(self.cursor) for row in self.rows[:1]) else 0
        return label, max(1, width - label - numbers), numbers

    def _window(self, cols: int) -> int:
        """Return the first visible token: the cursor stays a few tokens away from both edges."""
        margin = min(8, cols // 4)
        if self.cursor < self._first + margin:
            self._first = self.cursor - margin
        elif self.cursor >= self._first + cols - margin:
            self._first = self.cursor - cols + margin + 1
        self._first = max(0, min(self._first, len(self.pieces) - cols))
        return self._first

    def _top(self) -> int:
        """Return the first visible row, so that the chosen one is in the middle when not all rows fit."""
        room = max(1, self.size.height - 1)
        return max(0, min((self.chosen or 0) - room // 2, len(self.rows) - room))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not self.rows or not self.pieces or width < 4:
            return Strip.blank(width, self.rich_style)
        label, cols, numbers = self._geometry()
        first = self._window(cols)
        tokens = range(first, min(first + cols, len(self.pieces)))
        if y == 0:
            return self._head(tokens, label).adjust_cell_length(width, self.rich_style)
        number = self._top() + y - 1
        if number >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        row, text_style = (
            self.rows[number],
            self.get_component_rich_style("map--chosen" if number == self.chosen else "map--label"),
        )
        mark = "▸" if number == self.chosen else " "
        segments = [Segment(f"{mark}{row.label}"[:label].ljust(label), text_style), *self._cells(row, tokens)]
        if numbers:
            segments.append(Segment(" " * (cols - len(tokens)), self.rich_style))
            segments.append(Segment(row.value_text(self.cursor).rjust(numbers), text_style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _head(self, tokens: range, label: int) -> Strip:
        plain = self.get_component_rich_style("map--label")
        segments = [Segment(" " * label, plain)]
        for token in tokens:
            style = plain
            if self.span is not None and self.span[0] <= token <= self.span[1]:
                style += Style(underline=True, bold=True)
            if token == self.cursor:
                style += Style(reverse=True)
            segments.append(Segment(narrow(self.pieces[token]), style))
        return Strip(segments)

    def _cells(self, row: Row, tokens: Sequence[int]) -> list[Segment]:
        styles, below = shades.styles(self), shades.dots(self)
        segments: list[Segment] = []
        for token in tokens:
            value = row.value(token)
            style = styles[shades.name(value)]
            if token == self.cursor:
                style += Style(bold=True, reverse=True)
            if segments and segments[-1].style == style:
                segments[-1] = Segment(segments[-1].text + shades.glyph(value, below), style)
            else:
                segments.append(Segment(shades.glyph(value, below), style))
        return segments

    def on_mouse_down(self, event: events.MouseDown) -> None:
        label, cols, _ = self._geometry()
        row = self._top() + event.y - 1 if event.y > 0 else None
        token = self._window(cols) + event.x - label if event.x >= label else None
        inside = row is not None and row < len(self.rows)
        on_text = token is not None and 0 <= token < len(self.pieces)
        self.post_message(self.Chosen(self, row if inside else None, token if on_text else None))


def narrow(piece: str) -> str:
    """Return a token as one cell: its first character that is not a space, if it has one."""
    text = printable(piece)
    first = (text.strip() or text)[:1]
    return first if cell_len(first) == 1 else "?"
