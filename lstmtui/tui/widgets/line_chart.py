"""Any number of curves in one frame, as a widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstmtui.tui import wording
from lstmtui.tui.widgets.axes import centered_text
from lstmtui.tui.widgets.lines import Curve, frame

COLOUR_NAMES = ("one", "two", "three", "four", "five", "six")
"""The colours of curves, in their order."""


class LineChart(Widget):
    """Draws `curves`, the first on top; the letter on each distinguishes them without colour."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--axis", "lines--text", *(f"lines--{name}" for name in COLOUR_NAMES)}
    DEFAULT_CSS = """
    LineChart {
        height: 1fr;
        width: 1fr;
        & > .lines--axis { color: $foreground 60%; }
        & > .lines--text { color: $foreground 75%; }
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
    empty_text: reactive[str] = reactive("")
    """Shown while there is nothing to draw."""
    x_range: reactive[tuple[float, float] | None] = reactive(None)
    cursor: reactive[float | None] = reactive(None)
    """A marked place on the x axis."""
    x_text: Callable[[float], str] = staticmethod(wording.short)
    """Formats a number on the x axis."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._drawn: tuple[object, ...] = ()

    def watch_curves(self) -> None:
        self._drawn = ()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        key = (width, height, self.log_scale, self.empty_text, self.x_range, self.cursor, self.rich_style)
        if key != self._drawn:
            self._drawn = key
            self._strips = self._draw(width, height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        rows = frame(
            self.curves, width, height, log=self.log_scale, x_range=self.x_range, x_text=self.x_text, cursor=self.cursor
        )
        if not rows:
            return centered_text(self.empty_text, width, height, self._style("text"), self.rich_style)
        styles = {name: self._style(name) for name in ("axis", *COLOUR_NAMES)}
        return [Strip([Segment(text, styles.get(name, self.rich_style)) for text, name in row]) for row in rows]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"lines--{name}")
