"""Curves in one frame, as a widget: what differs from the loss chart is that any number of them is told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.common.terminal_text import safe
from lstmtui.tui import wording
from lstmtui.tui.widgets.lines import Curve, frame

NAMES = ("one", "two", "three", "four", "five", "six")
"""Names of curves, in the order in which they get their colours."""


class LineChart(Widget):
    """Draws `curves`, the first on top; a letter on each tells them apart without colour."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--axis", "lines--words", *(f"lines--{name}" for name in NAMES)}
    DEFAULT_CSS = """
    LineChart {
        height: 1fr;
        width: 1fr;
        & > .lines--axis { color: $foreground 45%; }
        & > .lines--words { color: $foreground 75%; }
        & > .lines--one { color: $primary; }
        & > .lines--two { color: $warning; }
        & > .lines--three { color: $success; }
        & > .lines--four { color: $error; }
        & > .lines--five { color: $secondary; }
        & > .lines--six { color: $foreground; }
    }
    """

    curves: reactive[tuple[Curve, ...]] = reactive((), always_update=True)
    """What to draw."""
    log_scale: reactive[bool] = reactive(True)
    """Whether the y axis is logarithmic."""
    said: reactive[str] = reactive("")
    """What is said in the middle while there is nothing to draw."""
    x_range: reactive[tuple[float, float] | None] = reactive(None)
    cursor: reactive[float | None] = reactive(None)
    """A place on the x axis to mark."""
    x_text: Callable[[float], str] = staticmethod(wording.short)
    """How a number on the x axis is written."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._drawn: tuple[object, ...] = ()

    def watch_curves(self) -> None:
        self._drawn = ()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        key = (width, height, self.log_scale, self.said, self.x_range, self.cursor, self.rich_style)
        if key != self._drawn:
            self._drawn = key
            self._strips = self._draw(width, height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        rows = frame(
            self.curves, width, height, log=self.log_scale, x_range=self.x_range, x_text=self.x_text, cursor=self.cursor
        )
        if not rows:
            return self._say(width, height)
        styles = {name: self._style(name) for name in ("axis", *NAMES)}
        return [Strip([Segment(text, styles.get(name, self.rich_style)) for text, name in row]) for row in rows]

    def _say(self, width: int, height: int) -> list[Strip]:
        lines = safe(self.said).splitlines()[: max(1, height)]
        above = max(0, (height - len(lines)) // 2)
        style = self._style("words")
        said = [Strip([Segment(line[:width].center(width), style)], width) for line in lines]
        return [Strip.blank(width, self.rich_style)] * above + said

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"lines--{name}")
