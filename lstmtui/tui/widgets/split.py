"""A container whose first part ends at a border that can be moved, by key or by mouse."""

from __future__ import annotations

from textual import events
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

MIN_SHARE, MAX_SHARE = 0.15, 0.85
STEP = 0.05
"""How far a key moves the border."""


class Split(Container):
    """Parts beside or below each other, as its style sheet has it; a moved border gives the first one a share."""

    share: reactive[float | None] = reactive(None)
    """The first part's share of the width or height; None as the style sheet has it."""
    _dragging = False
    _applied: tuple[object, ...] = ()

    class Moved(Message):
        """The border was moved, and let go."""

    def validate_share(self, share: float | None) -> float | None:
        return None if share is None else round(min(MAX_SHARE, max(MIN_SHARE, share)), 3)

    def watch_share(self) -> None:
        self.refit()

    def on_resize(self) -> None:
        self.refit()

    @property
    def is_horizontal(self) -> bool:
        """Whether the parts are side by side."""
        return self.styles.layout is not None and self.styles.layout.name == "horizontal"

    def parts(self) -> list[Widget]:
        """Return the parts that are shown."""
        return [child for child in self.children if child.display]

    def border(self) -> int | None:
        """Return the column or row of the screen where the second part begins; None with one part."""
        parts = self.parts()
        if len(parts) < 2:
            return None
        return parts[0].region.right if self.is_horizontal else parts[0].region.bottom

    def refit(self) -> None:
        """Give the first part its share, and the others the rest; with one part, or no share, leave it all to CSS."""
        parts = self.parts()
        key = (self.share, self.is_horizontal, *parts)
        if key == self._applied:
            return
        self._applied = key
        for child in self.children:
            child.styles.clear_rule("width")
            child.styles.clear_rule("height")
        if self.share is None or len(parts) < 2:
            return
        for part in parts:
            share = f"{100 * self.share:g}%" if part is parts[0] else "1fr"
            if self.is_horizontal:
                part.styles.width = share
            else:
                part.styles.height = share

    def move_by(self, steps: int) -> bool:
        """Move the border, and return whether there is one."""
        border = self.border()
        if border is None:
            return False
        self._move_to(border + round(steps * STEP * self._length()) or border + steps)
        self.post_message(self.Moved())
        return True

    def _length(self) -> int:
        return self.region.width if self.is_horizontal else self.region.height

    def _move_to(self, place: int) -> None:
        start = self.region.x if self.is_horizontal else self.region.y
        self.share = (place - start) / max(1, self._length())

    # --- mouse ----------------------------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        border, place = self.border(), self._place(event)
        if border is not None and place in (border - 1, border) and self.region.contains(*_screen_place(event)):
            event.stop()
            self._dragging = True
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging:
            event.stop()
            self._move_to(self._place(event) + 1)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragging:
            event.stop()
            self._dragging = False
            self.release_mouse()
            self.post_message(self.Moved())

    def _place(self, event: events.MouseEvent) -> int:
        x, y = _screen_place(event)
        return x if self.is_horizontal else y


def _screen_place(event: events.MouseEvent) -> tuple[int, int]:
    return int(event.screen_x), int(event.screen_y)
