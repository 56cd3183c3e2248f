"""Asking the engine, from a screen: a request is written by a thread, and its answer looked for in what is read."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from lstmtui import config
from lstmtui.runs.snapshot import RunSnapshot

PATIENCE = 20.0
"""Seconds after which an unanswered request is said to be unanswered."""
REQUEST_NAMES = {
    "pause": "to pause", "continue": "to continue", "save": "to save", "stop": "to stop", "sample": "to write",
    "set": "for a change", "undo": "to undo", "rewind": "to go back to the best",
}  # fmt: skip


class PendingRequests:
    """Requests that were sent and not answered yet."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[str, float]] = {}

    def add(self, identity: str, op: str) -> None:
        self._sent[identity] = (op, time.monotonic())

    def waiting(self) -> str:
        """Return what was asked, in words; nothing where all is answered."""
        return ", ".join(f"asked {REQUEST_NAMES.get(op, op)} …" for op, _ in self._sent.values())

    def settle(self, snapshot: RunSnapshot) -> Iterable[tuple[bool, str]]:
        """Match answers with what was asked; yield whether each went well, and what to say."""
        if not self._sent:
            return
        for event in snapshot.events:
            if event.get("event") != "answered":
                continue
            asked = self._sent.pop(str(event.get("request")), None)
            if asked is not None:
                ok = bool(event.get("ok"))
                said = str(event.get("message", ""))
                yield ok, said or (f"Done: {asked[0]}." if ok else f"The engine refused {asked[0]}.")
        for identity, (op, since) in list(self._sent.items()):
            if snapshot.ended:
                del self._sent[identity]
            elif time.monotonic() - since > PATIENCE:
                del self._sent[identity]
                yield False, f"The engine has not answered the request to {op}; it may be busy."


def live_values(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return the settings that can be changed, as the engine has them now, by name."""
    told = snapshot.status.get("live")
    values = told if isinstance(told, dict) else {}
    return {
        name: values.get(name, snapshot.settings.value(name) if snapshot.settings else None) for name in config.LIVE
    }
