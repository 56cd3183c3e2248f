"""Leaving a screen once: a second escape may already be on its way when the first one is obeyed."""

from __future__ import annotations

from typing import Any, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen

Result = TypeVar("Result")


class OnceScreen(Screen[Result]):
    """A screen whose second dismissal does nothing, where Textual would raise."""

    _left = False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        if self._left or not self.is_current:
            return AwaitComplete.nothing()
        self._left = True
        return super().dismiss(result)


class Dialog(ModalScreen[Result]):
    """The same over another screen."""

    _left = False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        if self._left or not self.is_current:
            return AwaitComplete.nothing()
        self._left = True
        return super().dismiss(result)
