"""Places in a text below each other, with what stands before and after them aligned, as in a concordance."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

Place = tuple[str, str, str]
"""What stands before, in and after a place; safe for a terminal, and on one line."""
NUMBER = 5
"""Columns of the number of a place."""


class PlaceList(Widget):
    """One line a place; the first is the one that was looked for, the others are numbered."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"places--around", "places--found", "places--chosen"}
    DEFAULT_CSS = """
    PlaceList {
        height: 1fr;
        width: 1fr;
        & > .places--around { color: $foreground 75%; }
        & > .places--found { color: $foreground; text-style: bold underline; }
        & > .places--chosen { color: $primary; text-style: bold; }
    }
    """

    class Chosen(Message):
        """A place was clicked."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    places: reactive[tuple[Place, ...]] = reactive(())
    chosen: reactive[int] = reactive(0)
    """The index of the place under the cursor."""

    def _top(self) -> int:
        """Return the first place that is shown: the chosen one is, in the middle where there are more."""
        return max(0, min(self.chosen - self.size.height // 2, len(self.places) - self.size.height))

    def render_line(self, y: int) -> Strip:
        at, width = self._top() + y, self.size.width
        if at >= len(self.places):
            return Strip.blank(width, self.rich_style)
        chosen = at == self.chosen
        mark, number = "▸" if chosen else " ", str(at) if at else "·"
        before, inside, after = self.places[at]
        room = max(0, width - NUMBER)
        inside = set_cell_size(inside, min(cell_len(inside), room))
        left = max(0, room - min(room, cell_len(self.places[0][1]))) // 2  # the same for all, so that they begin alike
        around = self.get_component_rich_style("places--chosen" if chosen else "places--around")
        found = self.get_component_rich_style("places--found")
        segments = [
            Segment(f"{mark}{number:>{NUMBER - 2}} ", around),
            Segment(last_cells(before, left), around),
            Segment(inside, found),
            Segment(after, around),
        ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        at = self._top() + event.y
        if 0 <= at < len(self.places):
            self.post_message(self.Chosen(at))


def last_cells(text: str, cells: int) -> str:
    """Return the end of a text in exactly so many cells, with blanks before it where it is shorter."""
    while text and cell_len(text) > cells:
        text = text[1:]
    return " " * (cells - cell_len(text)) + text
