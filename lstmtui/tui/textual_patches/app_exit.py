"""An application that exits only when the screen that is being mounted is there.

Textual 8.2.8 mounts no widget once `App.exit` was called (Widget.mount_all), so a screen that is just being mounted
raises NoMatches when it queries its widgets. Keys that are typed while the application exits raise as well, since there
is no screen for them.
"""

from __future__ import annotations

import asyncio
import time

from rich.console import RenderableType
from textual import events
from textual.app import App, ReturnType

PRIVATE_NAMES = (
    "textual.app:App._closing",
    "textual.app:App._driver",
    "textual.app:App._exit",
    "textual.app:App._is_mounted",
    "textual.app:App._screen_stack",
)
MAX_MOUNT_SECONDS = 2.0
"""How long an exit waits for a screen to be mounted."""
RETRY_SECONDS = 0.01


class DeferredExitApp(App[ReturnType]):
    """Waits for screens that are being mounted before it exits, and drops the input that comes after that."""

    _exit_requested_at: float | None = None

    @property
    def is_exiting(self) -> bool:
        """Whether the application has begun to exit."""
        return self._closing or self._exit

    async def on_event(self, event: events.Event) -> None:
        if not (self._closing and isinstance(event, events.InputEvent)):
            await super().on_event(event)

    def exit(
        self, result: ReturnType | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        now = time.monotonic()
        if self._exit_requested_at is None:
            self._exit_requested_at = now
        if self._mounted() or now > self._exit_requested_at + MAX_MOUNT_SECONDS:
            super().exit(result, return_code, message)
        else:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.exit, result, return_code, message)

    def _mounted(self) -> bool:
        """Return whether nothing is being mounted: all screens are there, or the first has not been begun."""
        if self._driver is None:
            return True
        return self._is_mounted and all(screen.is_mounted for screen in self._screen_stack)
