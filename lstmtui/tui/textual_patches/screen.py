"""A screen that may be dismissed twice, and that receives events while it is being taken down.

Textual 8.2.8:

- A second `Screen.dismiss` raises ScreenStackError, though a second escape may be on its way already.
- `is_mounted` stays true while a screen is taken down from its leaves to its root, so it does not say whether the
  screen's widgets can be queried.
- `Screen._forward_event` asks for the parent of the widget under the mouse. A widget that is being removed, such as a
  notification, has none any more.
"""

from __future__ import annotations

from typing import Any, TypeVar

from textual import events
from textual.await_complete import AwaitComplete
from textual.screen import Screen

Result = TypeVar("Result")
PRIVATE_NAMES = (
    "textual.screen:Screen._forward_event",
    "textual.screen:Screen._pruning",
    "textual.screen:Screen._closing",
    "textual.screen:Screen._closed",
)


def is_usable(screen: Screen[Any]) -> bool:
    """Return whether all widgets of a screen can be queried: it is mounted, and is not being taken down."""
    closing = screen._pruning or screen._closing or screen._closed
    return screen.is_mounted and screen.is_attached and not closing


class DismissableScreen(Screen[Result]):
    """A screen whose second dismissal does nothing."""

    _dismissed = False

    @property
    def is_usable(self) -> bool:
        """Whether the screen's widgets can be queried."""
        return not self._dismissed and is_usable(self)

    def _forward_event(self, event: events.Event) -> None:
        """Drop a mouse button pressed on a widget that is being removed."""
        if isinstance(event, events.MouseDown) and not self.app.mouse_captured:
            widget, _ = self.get_widget_and_offset_at(event.x, event.y)
            if widget is not None and not isinstance(widget, Screen) and widget.parent is None:
                return
        super()._forward_event(event)

    def dismiss(self, result: Any = None) -> AwaitComplete:
        if self._dismissed or not self.is_active:
            return AwaitComplete.nothing()
        self._dismissed = True
        return super().dismiss(result)
