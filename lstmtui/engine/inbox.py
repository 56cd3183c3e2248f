"""Requests that viewers write into the run folder, read by the engine between two steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lstmtui import config
from lstmtui.files import read_lines
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.requests import OPERATIONS
from lstmtui.runs.writer import RunWriter

EVERY = 0.1
"""Seconds between looks at the file: soon enough for a person, and nothing beside a step."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of the engine."""

    identity: str
    op: str
    key: str
    value: Any
    writer: RunWriter
    details: dict[str, Any] = field(default_factory=dict)
    """The whole request as it was written."""

    def answer(self, message: str, *, ok: bool = True) -> None:
        """Say in events.jsonl what became of it."""
        self.writer.event("answered", request=self.identity, ok=ok, message=message)


class Inbox:
    """Follows requests.jsonl from the moment the engine started; what was asked of an earlier engine is past."""

    def __init__(self, run: RunFolder, writer: RunWriter) -> None:
        self._run, self._writer = run, writer
        self._offset = run.requests.stat().st_size if run.requests.exists() else 0
        self._looked = 0.0

    def new(self) -> Iterator[Request]:
        """Yield what has been asked since the last look; ill-formed requests are answered here."""
        now = time.monotonic()
        if now - self._looked < EVERY:
            return
        self._looked = now
        records, self._offset = read_lines(self._run.requests, self._offset)
        for record in records:
            request = Request(
                str(record.get("id", "")), str(record.get("op", "")), str(record.get("key", "")),
                record.get("value"), self._writer, record,
            )  # fmt: skip
            if request.op not in OPERATIONS:
                request.answer(f"There is no request '{request.op}'.", ok=False)
            elif request.op == "set" and request.key not in config.LIVE:
                request.answer(f"'{request.key}' cannot be changed while a run trains.", ok=False)
            elif request.op == "set" and request.value is None:
                request.answer(f"A value is needed for '{request.key}'.", ok=False)
            else:
                yield request
