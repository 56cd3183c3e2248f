"""A picture in the terminal: two pixels a cell in colours, shades of ink without them."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from textual.app import App
from textual.color import Color
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from lstmtui.reports.picture_cells import HALF_BLOCK, half_blocks, shades


class PictureView(Widget):
    """A picture, in the middle of its place; what a network has looked at stays bright."""

    DEFAULT_CSS = """
    PictureView { height: 1fr; width: 1fr; text-wrap: nowrap; content-align: center middle; color: $foreground; }
    """

    pixels: reactive[Any] = reactive(None, always_update=True)
    """(h, w, 3), 0 to 255; None for no picture."""
    attention: reactive[Any] = reactive(None, always_update=True)
    """(rows, columns) of patches; None for the picture as it is."""
    empty_text: reactive[str] = reactive("")
    """Shown while there is no picture."""

    def render(self) -> Content:
        width, height = self.size
        if self.pixels is None or width < 1 or height < 1:
            return Content.styled(self.empty_text, "$foreground 60%")
        return Content("\n").join(picture_lines(self.app, self.pixels, width, height, self.attention))


def picture_lines(app: App[Any], pixels: Any, columns: int, rows: int, attention: Any = None) -> list[Content]:
    """Return a picture as lines of at most so many cells: in colours where the terminal has them."""
    charset = getattr(app, "charset", "braille")
    if charset == "ascii" or app.no_color or app.current_theme.ansi:
        return list(map(Content, shades(pixels, columns, rows, attention, plain=charset == "ascii")))
    return list(map(_row, half_blocks(pixels, columns, rows, attention)))


def _row(cells: list[tuple[str, str]]) -> Content:
    """Return a row of cells; neighbours of the same colours share a style."""
    parts = []
    for (upper, lower), same in groupby(cells):
        style = Style(foreground=Color.parse(upper), background=Color.parse(lower))
        parts.append(Content.styled(HALF_BLOCK * len(list(same)), style))
    return Content("").join(parts)
