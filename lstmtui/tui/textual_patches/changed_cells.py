"""Writes to the terminal only the cells that have changed, and of their styles only what differs.

Textual 8.2.8 (App._display) writes every line of each widget that is drawn again, with the whole style before and a
reset after each piece of it: a clock of one character costs the whole line, and a chart of one new point the whole
chart. Over a slow line that is what one waits for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import ReturnType
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip

from lstmtui.tui.textual_patches.key_order import OrderedKeysApp

PRIVATE_NAMES = (
    "textual.app:App._display",
    "textual._compositor:ChopsUpdate",
    "textual._compositor:CompositorUpdate",
    "textual._compositor:LayoutUpdate",
    "textual.strip:Strip.render_ansi",
)
MAX_REWRITTEN = 3
"""Unchanged cells between two changed ones that are written again: a move of the cursor costs about as much."""
VISIBLE_ON_BLANKS = frozenset({"4", "7", "9", "21", "53"})
"""Attributes that are seen on a blank: lines through, over and below it, and reversed colours."""

Span = tuple[int, int, Strip]
"""Row and first column of cells that are to be shown, and the cells."""


class Pen(NamedTuple):
    """What a cell is drawn with, as parameters of SGR; a link as its id and its target."""

    attributes: str
    foreground: str
    background: str
    link: str = ""

    @property
    def shows_on_blanks(self) -> bool:
        """Whether more than the background of a blank is seen."""
        return bool(self.link) or not VISIBLE_ON_BLANKS.isdisjoint(self.attributes.split(";"))


class DrawnCells:
    """The cells of a terminal as they were last written."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._characters: list[list[str]] = []
        self._pens: list[list[Pen | None]] = []

    def forget(self) -> None:
        """Know nothing of the terminal any more: somebody else may have written to it."""
        self._size = (0, 0)

    def write(self, spans: Iterator[Span], width: int, height: int, colours: ColorSystem) -> str:
        """Return what changes the terminal so that it shows `spans`; empty if it shows them already."""
        if self._size != (width, height):
            self._size = (width, height)
            self._characters = [[""] * width for _ in range(height)]
            self._pens = [[None] * width for _ in range(height)]
        changed: dict[int, list[bool]] = {}
        for y, x, strip in spans:
            if 0 <= y < height:
                self._put(y, x, *_cells(strip, colours), changed)
        writer = _Writer(width)
        for y, marks in sorted(changed.items()):
            self._write_row(writer, y, marks)
        return writer.finish()

    def _put(self, y: int, x: int, characters: list[str], pens: list[Pen], changed: dict[int, list[bool]]) -> None:
        """Take over cells, and mark those that differ."""
        width = self._size[0]
        end = min(width, x + len(characters))
        old, old_pens = self._characters[y], self._pens[y]
        if x >= end or (old[x:end] == characters[: end - x] and old_pens[x:end] == pens[: end - x]):
            return
        marks = changed.setdefault(y, [False] * width)
        for at in range(x, end):
            if old[at] != characters[at - x] or old_pens[at] != pens[at - x]:
                # Half of a wide character that is overwritten takes the other half with it.
                marks[at] = True
                if not old[at] and at:
                    marks[at - 1] = True
                if at + 1 < width and not old[at + 1]:
                    marks[at + 1] = True
        old[x:end], old_pens[x:end] = characters[: end - x], pens[: end - x]

    def _write_row(self, writer: _Writer, y: int, marks: list[bool]) -> None:
        characters, pens = self._characters[y], self._pens[y]
        for column in (n for n, marked in enumerate(marks) if marked):
            pen, character = pens[column], characters[column]
            if pen is None:
                continue
            gap = writer.gap(y, column)
            between = characters[column - gap : column]
            if 0 < gap <= MAX_REWRITTEN and all(other == writer.pen for other in pens[column - gap : column]):
                for other in between if all(cell_len(other) == 1 for other in between) else ():
                    writer.put(other, writer.pen)
            if not character:  # the second half of a wide character
                character = "" if column and cell_len(characters[column - 1]) > 1 else " "
            elif cell_len(character) > 1 and (column + 1 == len(marks) or characters[column + 1]):
                character = " "
            if character:
                writer.move(y, column)
                writer.put(character, pen)


class _Writer:
    """Text with moves of the cursor and changes of the style; begins and ends without any style."""

    def __init__(self, width: int) -> None:
        self.pen = _NONE
        self._parts: list[str] = []
        self._width, self._row, self._column = width, -1, -1

    def gap(self, y: int, x: int) -> int:
        """Return the cells from the cursor to a place in its row; 0 if it is elsewhere."""
        return max(0, x - self._column) if y == self._row and self._column < self._width else 0

    def move(self, y: int, x: int) -> None:
        if gap := self.gap(y, x):
            self._parts.append(f"\x1b[{gap}C" if gap > 1 else "\x1b[C")
        elif (y, x) != (self._row, self._column):
            self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        self._row, self._column = y, x

    def put(self, character: str, pen: Pen) -> None:
        if pen != self.pen:
            self._style(pen, blank=character == " ")
        self._parts.append(character)
        # Terminals disagree on the width of some characters: the next one says its own place.
        self._column += max(1, cell_len(character))
        if _has_unsure_width(character):
            self._row = -1

    def _style(self, pen: Pen, *, blank: bool) -> None:
        old = self.pen
        if blank and not old.shows_on_blanks and not pen.shows_on_blanks:
            pen = old._replace(background=pen.background)
        if pen.link != old.link:
            self._parts.append(f"\x1b]8;{pen.link or ';'}\x1b\\")
        if pen.attributes != old.attributes:
            codes = ["", *filter(None, (pen.attributes, pen.foreground, pen.background))]  # an empty one is a reset
        else:
            codes = [pen.foreground or "39"] if pen.foreground != old.foreground else []
            codes += [pen.background or "49"] if pen.background != old.background else []
        if codes:
            self._parts.append(f"\x1b[{';'.join(codes)}m")
        self.pen = pen

    def finish(self) -> str:
        if self.pen != _NONE:
            self._parts.append(("\x1b]8;;\x1b\\" if self.pen.link else "") + "\x1b[m")
        return "".join(self._parts)


_NONE = Pen("", "", "")


def _has_unsure_width(character: str) -> bool:
    """Return whether a terminal may give a character another width: emoji, and several marks in one cell."""
    return len(character) > 1 or ord(character) > 0xFFFF or (ord(character) < 0x2E80 and cell_len(character) > 1)


@lru_cache(maxsize=4096)
def _pens(style: Style | None, colours: ColorSystem) -> tuple[Pen, Pen]:
    """Return the pen of a style, and that of its blanks, which have no colour of their own."""
    if style is None:
        return _NONE, _NONE
    attributes, foreground, background = [], "", ""
    codes = Strip.render_ansi(style, colours).split(";")
    while codes and codes[0]:
        code = int(codes.pop(0))
        if code in (38, 48):
            count = 2 if codes[0] == "5" else 4
            colour, codes = ";".join([str(code), *codes[:count]]), codes[count:]
        else:
            colour = str(code)
        if code == 38 or 30 <= code <= 39 or 90 <= code <= 97:
            foreground = colour
        elif code == 48 or 40 <= code <= 49 or 100 <= code <= 107:
            background = colour
        else:
            attributes.append(colour)
    link = f"id={style.link_id};{style.link}" if style.link else ""
    pen = Pen(";".join(attributes), foreground, background, link)
    return pen, pen if pen.shows_on_blanks else Pen("", "", background)


def _cells(strip: Strip, colours: ColorSystem) -> tuple[list[str], list[Pen]]:
    """Return the character and the pen of each cell; the second cell of a wide character is empty."""
    characters: list[str] = []
    pens: list[Pen] = []
    for text, style, control in strip:
        if control or not text:
            continue
        pen, blank = _pens(style, colours)
        if text.isascii() or (cell_len(text) == len(text) and all(cell_len(c) == 1 for c in set(text))):
            characters += text
            pens += [blank if c == " " else pen for c in text] if " " in text else [pen] * len(text)
            continue
        for character in text:
            cells = cell_len(character)
            if not cells and characters:  # is drawn over the one before it
                characters[-1 if characters[-1] else -2] += character
                continue
            characters += [character, *[""] * (cells - 1)]
            pens += [blank if character == " " else pen] * max(1, cells)
    return characters, pens


def spans_of(update: LayoutUpdate | ChopsUpdate) -> Iterator[Span]:
    """Return the cells of an update of the screen."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, first, last in update.spans:
        for end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if piece is not None and x <= last and end > first:
                yield y, x, piece.crop(0, min(end, last) - x)


class ChangedCells(CompositorUpdate):
    """What changes the terminal so that it shows an update."""

    def __init__(self, update: LayoutUpdate | ChopsUpdate, size: Size, drawn: DrawnCells) -> None:
        self._update, self._size, self._drawn = update, size, drawn

    def render_segments(self, console: Console) -> str:
        colours = COLOR_SYSTEMS.get(console.color_system or "", ColorSystem.TRUECOLOR)  # as Textual's own updates
        return self._drawn.write(spans_of(self._update), *self._size, colours)


class ChangedCellsApp(OrderedKeysApp[ReturnType]):
    """Remembers what it has written."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._drawn_cells = DrawnCells()

    def on_resize(self) -> None:
        """A terminal of another size, or one that was taken back from a shell, may show anything."""
        self._drawn_cells.forget()

    def action_redraw(self) -> None:
        """Write the whole screen again, in case another program has written over it."""
        self._drawn_cells.forget()
        self.refresh(layout=True)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        update: Any = renderable  # its declared type is that of Rich, which does not know Textual's updates
        if isinstance(update, LayoutUpdate | ChopsUpdate):
            update = ChangedCells(update, self.screen.outer_size, self._drawn_cells)
        super()._display(screen, update)
