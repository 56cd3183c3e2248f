"""A connection of uvicorn's, with limits of time and number that uvicorn lacks.

A client that sends nothing, or half a request, is dropped after a while; where there are too many connections, the one
that has waited longest gives way, so that idle ones never keep others out.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""The headers of a request arrive within this time."""
CLOSE_SECONDS = 5.0
"""What was written to a connection that is closed is taken within this time."""
MAX_CONNECTIONS = 256


class Connection(H11Protocol):
    """One connection."""

    waiting_since = 0.0
    """When it began to wait for a request."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.waiting_since = time.monotonic()
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()
        self._timer = self.loop.call_later(HEADER_SECONDS, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.waiting_since = time.monotonic()
        super().on_response_complete()

    def is_answered(self) -> bool:
        """Return whether the headers of a request have arrived, and its answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def _make_room(self) -> None:
        """Drop the connection that has waited longest, or this one, unless enough are being closed already."""
        # One that was dropped is a member until the event loop comes to it.
        stay = [each for each in self.connections if isinstance(each, Connection) and not each.transport.is_closing()]
        if len(stay) > MAX_CONNECTIONS:
            waiting = [each for each in stay if not each.is_answered()]
            min(waiting, key=lambda each: each.waiting_since, default=self).transport.abort()

    def _check(self) -> None:
        """Drop the connection if it has waited too long."""
        now = time.monotonic()
        if self.transport.is_closing():
            self.transport.abort()
            return
        left = HEADER_SECONDS if self.is_answered() else self.waiting_since + HEADER_SECONDS - now
        if left <= 0:
            self.transport.abort()
            return
        self._timer = self.loop.call_later(min(left, CLOSE_SECONDS), self._check)
