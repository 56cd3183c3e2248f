"""What every screen shares: messages to the user, and calls from threads that may outlive the screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from lstmtui.tui.keys import bind
from lstmtui.tui.textual_patches.screen import DismissableScreen, Result

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp


class BaseScreen(DismissableScreen[Result]):
    """A screen that can be left at any moment, with keys or answers from a thread still on their way to it.

    A key of a screen that does not apply says why, in a sentence.
    """

    _owner: LstmtuiApp | None = None
    """The application; threads use it after the screen was left, when `app` raises."""

    def on_mount(self) -> None:
        self._owner = cast("LstmtuiApp", self.app)

    def show_message(self, message: str, *, error: bool = False) -> None:
        """Show a notification on whatever screen is on top by then. Safe from any thread."""
        if self._owner is not None:
            self._owner.show_message(message, error=error)

    def call_if_usable(self, function: Callable[..., object], *arguments: Any, **options: Any) -> None:
        """Call a function on the screen's own thread, unless the screen has been left by then. Safe from any thread.

        Returns at once. `App.call_from_thread` waits for the call and its result: when the application exits
        meanwhile, it waits for ever, and so does the application, for the thread.
        """
        self.call_later(self._call_if_usable, partial(function, *arguments, **options))

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return in a sentence why an action that `check_action` refuses does not apply now; empty for no sentence."""
        return ""

    def on_key(self, event: events.Key) -> None:
        """Say why a key does nothing."""
        own = [binding for binding in type(self).BINDINGS if isinstance(binding, Binding)]
        pressed = [binding for binding in own if event.key in self._keys_of(binding)]
        if not pressed or event.key in self.active_bindings:
            return
        for binding in pressed:
            name, parameters = parse(binding.action)[1:]
            if reason := self.why_not(name, parameters):
                self.show_message(reason)
                return

    def _keys_of(self, binding: Binding) -> list[str]:
        """Return the keys of a binding, as the user may have changed them."""
        keys = self._owner.preferences.keys.get(binding.id or "", binding.key) if self._owner else binding.key
        return keys.split(",")

    def _call_if_usable(self, function: Callable[[], object]) -> None:
        if self.is_usable:
            function()


class Dialog(ModalScreen[Result], BaseScreen[Result]):
    """A screen over another one. ModalScreen stands first, since Textual inherits styles and keys from the first
    base."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("help", "app.help", "Help", "dialog.help", "What this dialog is for, and its keys", typing=True),
        bind("palette", "app.command_palette", "Commands", "dialog.commands", "Every action, found by its words"),
    ]
