"""One key after the other: what is typed quickly goes where it would have gone if it had been typed slowly."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import Any, TypeVar

from textual import events
from textual.app import App
from textual.message import Message

PATIENCE = 1.0
"""Seconds after which the next key is let through whatever became of the one before it."""
SOON = 0.01
"""Seconds until a screen that is not there yet is looked at again."""

Result = TypeVar("Result")


class KeyDelivered(Message):
    """Takes the way of a key: when this has come up to the application, the key has done its work."""

    def __init__(self, event: events.Event) -> None:
        super().__init__()
        self.event = event


class OrderedKeysApp(App[Result]):
    """Holds a key back until the one before it is done with, and until the screen that it opened is there.

    Textual 8.2.8 (App.on_event) puts a key into the queue of the widget that has the focus at that moment, and only
    when it has come back up through the queues of all parents its binding is looked for. Of "/ab" typed in one go, "a"
    and "b" are in the queue of the list before "/" has moved the focus to the filter, and are lost there. The same
    happens to whoever types slowly on a machine that trains.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._typed: deque[events.Key | events.Paste] = deque()
        self._under_way: events.Event | None = None
        self._screen_due: float | None = None
        """Until when a screen that is not there yet is waited for; None when none is."""

    @property
    def keys_done(self) -> bool:
        """Whether all that was typed has done its work."""
        return not self._typed and self._under_way is None

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        else:
            self._typed.append(event)
            await self._send_next()

    def on_key_delivered(self, message: KeyDelivered) -> None:
        # What the key called for may have been put off: Widget.focus is such a call.
        self.call_later(self._done_with, message.event)

    async def _done_with(self, event: events.Event) -> None:
        if event is self._under_way:
            self._under_way = None
            await self._send_next()

    async def _send_next(self) -> None:
        """Send what was typed, as far as nothing has to be waited for."""
        while self._typed and self._under_way is None and self._screen_due is None:
            if self._closing or self._exit:
                self._typed.clear()  # there is no screen for it any more
                return
            if not self.screen.is_mounted:
                self._screen_due = time.monotonic() + PATIENCE
                self.set_timer(SOON, self._look_for_screen)
                return
            await self._send(self._typed.popleft())

    async def _look_for_screen(self) -> None:
        if self._closing or self._exit or self._screen_due is None:
            return
        if self.screen.is_mounted:
            self._screen_due = None
            await self._send_next()
        elif time.monotonic() < self._screen_due:
            self.set_timer(SOON, self._look_for_screen)
        else:
            self._screen_due = None
            if self._typed:
                await self._send(self._typed.popleft())
            await self._send_next()

    async def _send(self, event: events.Key | events.Paste) -> None:
        target = self.focused or self.screen
        self._under_way = event
        await super().on_event(event)
        if event.is_forwarded and target.post_message(KeyDelivered(event)):
            # A widget that goes away takes what is in its queue with it.
            self.set_timer(PATIENCE, partial(self._done_with, event))
        elif self._under_way is event:
            self._under_way = None
