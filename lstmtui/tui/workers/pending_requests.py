"""Requests that a screen has sent to the engine, matched with the answers in the run's events."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from lstmtui import config
from lstmtui.runs.snapshot import RunSnapshot

MAX_ANSWER_SECONDS = 20.0
"""Seconds after which a request is reported as unanswered."""
REQUEST_NAMES = {
    "pause": "to pause", "continue": "to continue", "save": "to save", "stop": "to stop", "sample": "to write",
    "set": "for a change", "undo": "to undo", "rewind": "to go back to the best",
}  # fmt: skip


class PendingRequests:
    """Requests that the engine has not answered yet."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[str, float]] = {}

    def add(self, identity: str, op: str) -> None:
        self._sent[identity] = (op, time.monotonic())

    def describe(self) -> str:
        """Return the unanswered requests in words; empty when there are none."""
        return ", ".join(f"asked {REQUEST_NAMES.get(op, op)} …" for op, _ in self._sent.values())

    def settle(self, snapshot: RunSnapshot) -> Iterable[tuple[bool, str]]:
        """Match the answers of a snapshot; yield whether each request succeeded, and a sentence about it."""
        if not self._sent:
            return
        for event in snapshot.events:
            if event.get("event") != "answered":
                continue
            request = self._sent.pop(str(event.get("request")), None)
            if request is not None:
                ok = bool(event.get("ok"))
                message = str(event.get("message", ""))
                yield ok, message or (f"Done: {request[0]}." if ok else f"The engine refused {request[0]}.")
        for identity, (op, since) in list(self._sent.items()):
            if snapshot.ended:
                del self._sent[identity]
            elif time.monotonic() - since > MAX_ANSWER_SECONDS:
                del self._sent[identity]
                yield False, f"The engine has not answered the request to {op}; it may be busy."


def live_values(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return the settings that can be changed, as the engine has them now, by name."""
    live = snapshot.status.get("live")
    values = live if isinstance(live, dict) else {}
    return {
        name: values.get(name, snapshot.settings.value(name) if snapshot.settings else None) for name in config.LIVE
    }
