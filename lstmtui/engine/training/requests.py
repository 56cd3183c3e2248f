"""Requests that viewers write into the run folder, read by the engine between two steps.

The file is untrusted: invalid content, or another file in its place, can lose requests but never disturb training. An
invalid request is answered if it has an identity, and ignored otherwise.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from lstmtui import config
from lstmtui.common.files import parse_lines
from lstmtui.common.opening import open_to_read
from lstmtui.runs.requests import OPERATIONS
from lstmtui.runs.writer import RunWriter

POLL_SECONDS = 0.1
"""Seconds between polls of the file: fast enough for a person, and negligible beside a step."""
MAX_READ = 1 << 20
"""Maximum number of bytes read at a poll; the next poll, after a step, reads the rest."""
MAX_REMEMBERED = 10_000
"""Maximum number of remembered requests, which prevents repeated execution after the file is replaced."""
MAX_IDENTITY = 100
"""Maximum number of characters in a request's identity."""


class Stop(Exception):  # noqa: N818  (not an error)
    """Raised to leave the loop, save, and end the run."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the engine."""

    identity: str
    op: str
    key: str
    value: Any
    writer: RunWriter
    details: dict[str, Any] = field(default_factory=dict)
    """The whole request as it was written."""

    def answer(self, message: str, *, ok: bool = True) -> None:
        """Write the outcome to events.jsonl."""
        if self.identity:
            self.writer.event("answered", request=self.identity, ok=ok, message=message)


class RequestReader:
    """Follows requests.jsonl from the start of the engine; earlier requests are ignored.

    The reader identifies the file by its inode. After the file is replaced or truncated, the reader starts from its
    beginning and skips earlier requests by their time and identity.
    """

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._start_time = time.time()
        self._polled_at = 0.0
        self._remembered: dict[str, None] = {}
        self._file: BinaryIO | None = None
        """The file of the last poll; open, so that its inode number is not reused."""
        self._offset = 0
        self._last = b""
        """The last byte read, which changes if the file was truncated and rewritten."""
        self._repeated_until = 0
        """Offset up to which the file may repeat earlier requests."""
        if (file := self._current()) is not None:
            self._offset = os.fstat(file.fileno()).st_size
            self._last = os.pread(file.fileno(), 1, self._offset - 1) if self._offset else b""

    def new(self) -> Iterator[Request]:
        """Yield the requests since the last poll; invalid requests are answered with an error."""
        now = time.monotonic()
        if now - self._polled_at < POLL_SECONDS:
            return
        start, lines = self._lines()
        if not lines:
            self._polled_at = now  # otherwise poll again at the next step, as there may be more
        for record in parse_lines(lines):
            request = self._request(record)
            if start < self._repeated_until and self._is_past(request):
                continue
            self._remember(request.identity)
            if (error := _fault(request)) is not None:
                request.answer(error, ok=False)
            else:
                yield request

    def _current(self) -> BinaryIO | None:
        """Return the present file of requests; None if it is missing or unreadable."""
        path = self._writer.run.requests
        with contextlib.suppress(OSError):
            if self._file is None or not os.path.samestat(os.fstat(self._file.fileno()), os.lstat(path)):
                file = open_to_read(path)
                if self._file is not None:
                    self._file.close()
                self._file, self._offset, self._last, self._repeated_until = (
                    file,
                    0,
                    b"",
                    os.fstat(file.fileno()).st_size,
                )
            return self._file
        return None

    def _lines(self) -> tuple[int, list[bytes]]:
        """Return the start offset of the new complete lines, and the lines, of at most MAX_READ bytes."""
        if (file := self._current()) is None:
            return 0, []
        try:
            if self._offset and os.pread(file.fileno(), 1, self._offset - 1) != self._last:
                self._offset, self._repeated_until = 0, os.fstat(file.fileno()).st_size
            start, data = self._offset, os.pread(file.fileno(), MAX_READ, self._offset)
        except OSError:
            return 0, []
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) == MAX_READ else 0)
        if end:
            self._offset, self._last = start + end, data[end - 1 : end]
        return start, data[:end].splitlines()

    def _remember(self, identity: str) -> None:
        self._remembered[identity] = None
        if len(self._remembered) > MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]

    def _request(self, record: dict[str, Any]) -> Request:
        texts = {name: value if isinstance(value := record.get(name), str) else "" for name in ("id", "op", "key")}
        return Request(texts["id"][:MAX_IDENTITY], texts["op"], texts["key"], record.get("value"), self._writer, record)

    def _is_past(self, request: Request) -> bool:
        """Return whether this request was already made to this engine or to an earlier one."""
        at = request.details.get("at")
        return request.identity in self._remembered or (isinstance(at, int | float) and at < self._start_time)


def _fault(request: Request) -> str | None:
    if request.op not in OPERATIONS:
        return f"Unknown request '{request.op[:40]}'."
    if request.op == "set" and request.key not in config.LIVE:
        return f"'{request.key[:40]}' cannot be changed while a run trains."
    if request.op == "set" and request.value is None:
        return f"'{request.key}' needs a value."
    return None
