"""Screens that can be left at any moment: a second escape, or an answer from a thread, may still be on its way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual import events
from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp

Result = TypeVar("Result")


class BaseScreen(Screen[Result]):
    """A screen whose second dismissal does nothing, where Textual would raise."""

    _dismissed = False
    _owner: LstmtuiApp | None = None

    def on_mount(self) -> None:
        self._owner = cast("LstmtuiApp", self.app)  # a thread finds it here also when the screen has been left

    def show_message(self, message: str, *, error: bool = False) -> None:
        """Show a sentence above whatever screen is on top by then. Safe from any thread."""
        if self._owner is not None:
            self._owner.show_message(message, error=error)

    @property
    def is_usable(self) -> bool:
        """Whether its widgets can be asked for: all of them are there, and none is being taken away.

        `is_mounted` stays true when a screen is taken down from its leaves to its root.
        """
        going = self._dismissed or self._pruning or self._closing or self._closed
        return self.is_mounted and self.is_attached and not going

    def call_if_usable(self, call: Callable[..., object], *given: Any, **named: Any) -> None:
        """Have something called when it is this screen's turn, unless it is left by then. Safe from any thread.

        Returns at once. `App.call_from_thread` waits for the call to end, and for what it returns when that can be
        awaited: for ever where the program leaves meanwhile, which then never ends, since it waits for the thread.
        """
        self.call_later(self._call_if_usable, partial(call, *given, **named))

    def _call_if_usable(self, call: Callable[[], object]) -> None:
        if self.is_usable:
            call()

    def _forward_event(self, event: events.Event) -> None:
        """Let a press of a button fall on what is just being taken away, a notification for one.

        Textual 8.2.8 asks the parent of what was pressed for its place (Screen._forward_event): it has none any more.
        """
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


class Dialog(ModalScreen[Result], BaseScreen[Result]):
    """The same over another screen. Textual inherits styles and keys from the first base only."""
