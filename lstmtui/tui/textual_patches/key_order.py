"""Keys typed quickly have the same effect as keys typed slowly.

Textual 8.2.8 (App.on_event) queues a key for the widget that has the focus at that moment, and looks for its binding
only when the key has come back up through the queues of all parents. Of "/ab" typed at once, "a" and "b" are queued for
the list before "/" has moved the focus to the filter, and are lost. The same happens to slow typing on a busy machine.
"""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import Any

from textual import events
from textual.app import ReturnType
from textual.message import Message

from lstmtui.tui.textual_patches.app_exit import DeferredExitApp

PRIVATE_NAMES = ("textual.app:App.on_event", "textual.events:Event.is_forwarded")
MAX_KEY_SECONDS = 1.0
"""How long a key may take before the next one is sent all the same."""
POLL_SECONDS = 0.01
"""Seconds between two checks of a screen that is being mounted."""


class KeyDelivered(Message):
    """Follows a key through the same queues: when it reaches the application, the key has been handled."""

    def __init__(self, event: events.Event) -> None:
        super().__init__()
        self.event = event


class OrderedKeysApp(DeferredExitApp[ReturnType]):
    """Holds a key back until the one before it has been handled and the screen that it opened is mounted."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiting_keys: deque[events.Key | events.Paste] = deque()
        self._current_key: events.Event | None = None
        self._mount_deadline: float | None = None
        """Until when a screen that is being mounted is waited for; None when there is none."""

    @property
    def keys_done(self) -> bool:
        """Whether every key typed so far has been handled."""
        return not self._waiting_keys and self._current_key is None

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        else:
            self._waiting_keys.append(event)
            await self._send_waiting_keys()

    def on_key_delivered(self, message: KeyDelivered) -> None:
        # What the key called for may have been deferred, as Widget.focus is.
        self.call_later(self._finish_key, message.event)

    async def _finish_key(self, event: events.Event) -> None:
        if event is self._current_key:
            self._current_key = None
            await self._send_waiting_keys()

    async def _send_waiting_keys(self) -> None:
        """Send what was typed, until something has to be waited for."""
        while self._waiting_keys and self._current_key is None and self._mount_deadline is None:
            if self.is_exiting:
                self._waiting_keys.clear()  # no screen is left to receive them
                return
            if not self.screen.is_mounted:
                self._mount_deadline = time.monotonic() + MAX_KEY_SECONDS
                self.set_timer(POLL_SECONDS, self._poll_screen)
                return
            await self._send_key(self._waiting_keys.popleft())

    async def _poll_screen(self) -> None:
        if self.is_exiting or self._mount_deadline is None:
            return
        if self.screen.is_mounted:
            self._mount_deadline = None
            await self._send_waiting_keys()
        elif time.monotonic() < self._mount_deadline:
            self.set_timer(POLL_SECONDS, self._poll_screen)
        else:
            self._mount_deadline = None
            if self._waiting_keys:
                await self._send_key(self._waiting_keys.popleft())
            await self._send_waiting_keys()

    async def _send_key(self, event: events.Key | events.Paste) -> None:
        target = self.focused or self.screen
        self._current_key = event
        await super().on_event(event)
        if event.is_forwarded and target.post_message(KeyDelivered(event)):
            # A widget that is removed drops its queue.
            self.set_timer(MAX_KEY_SECONDS, partial(self._finish_key, event))
        elif self._current_key is event:
            self._current_key = None
