"""Requests that viewers write into the run folder, read by the engine between two steps.

Whoever may write there may write anything, or put anything in the file's place: that costs at most the requests in it,
never the training. A line that is no request is answered where it says to whom, and passed over otherwise.
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
"""Seconds between looks at the file: soon enough for a person, and nothing beside a step."""
MAX_READ = 1 << 20
"""Bytes that are read at a look; what is left is read at the next, after a step."""
MAX_KNOWN = 10_000
"""Requests that are remembered, so that none is done twice where another file takes the place of theirs."""
MAX_IDENTITY = 100
"""Characters of a request's name."""


class Stop(Exception):  # noqa: N818  (nothing went wrong)
    """Leave the loop, save, and end."""


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
        if self.identity:
            self.writer.event("answered", request=self.identity, ok=ok, message=message)


class RequestReader:
    """Follows requests.jsonl from the moment the engine started; what was asked of an earlier engine is past.

    The file is followed by what it is, not by its name: when another takes its place, or it has been cut, it is read
    from its beginning, and what was asked before is passed over by its time and its name.
    """

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._began = time.time()
        self._looked = 0.0
        self._known: dict[str, None] = {}
        self._file: BinaryIO | None = None
        """The file that was read last; open, so that its number cannot become another's."""
        self._offset = 0
        self._last = b""
        """The last byte that was read, which is there still unless the file was cut and written again."""
        self._repeated = 0
        """Up to where the file may hold what was asked before."""
        if (file := self._current()) is not None:
            self._offset = os.fstat(file.fileno()).st_size
            self._last = os.pread(file.fileno(), 1, self._offset - 1) if self._offset else b""

    def new(self) -> Iterator[Request]:
        """Yield what has been asked since the last look; ill-formed requests are answered here."""
        now = time.monotonic()
        if now - self._looked < POLL_SECONDS:
            return
        begin, lines = self._lines()
        if not lines:
            self._looked = now  # else there may be more: what is there is answered at each step
        for record in parse_lines(lines):
            request = self._request(record)
            if begin < self._repeated and self._is_past(request):
                continue
            self._remember(request.identity)
            if (wrong := _fault(request)) is not None:
                request.answer(wrong, ok=False)
            else:
                yield request

    def _current(self) -> BinaryIO | None:
        """Return the file that requests are written into now, None for want of one."""
        path = self._writer.run.requests
        with contextlib.suppress(OSError):
            if self._file is None or not os.path.samestat(os.fstat(self._file.fileno()), os.lstat(path)):
                file = open_to_read(path)
                if self._file is not None:
                    self._file.close()
                self._file, self._offset, self._last, self._repeated = file, 0, b"", os.fstat(file.fileno()).st_size
            return self._file
        return None

    def _lines(self) -> tuple[int, list[bytes]]:
        """Return where the whole lines that are new begin, and these, MAX_READ bytes at most."""
        if (file := self._current()) is None:
            return 0, []
        try:
            if self._offset and os.pread(file.fileno(), 1, self._offset - 1) != self._last:
                self._offset, self._repeated = 0, os.fstat(file.fileno()).st_size
            begin, data = self._offset, os.pread(file.fileno(), MAX_READ, self._offset)
        except OSError:
            return 0, []
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) == MAX_READ else 0)
        if end:
            self._offset, self._last = begin + end, data[end - 1 : end]
        return begin, data[:end].splitlines()

    def _remember(self, identity: str) -> None:
        self._known[identity] = None
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _request(self, record: dict[str, Any]) -> Request:
        texts = {name: value if isinstance(value := record.get(name), str) else "" for name in ("id", "op", "key")}
        return Request(texts["id"][:MAX_IDENTITY], texts["op"], texts["key"], record.get("value"), self._writer, record)

    def _is_past(self, request: Request) -> bool:
        """Return whether this was asked before, of this engine or of an earlier one."""
        at = request.details.get("at")
        return request.identity in self._known or (isinstance(at, int | float) and at < self._began)


def _fault(request: Request) -> str | None:
    if request.op not in OPERATIONS:
        return f"There is no request '{request.op[:40]}'."
    if request.op == "set" and request.key not in config.LIVE:
        return f"'{request.key[:40]}' cannot be changed while a run trains."
    if request.op == "set" and request.value is None:
        return f"A value is needed for '{request.key}'."
    return None
