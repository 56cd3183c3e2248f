"""A loaded model that completes texts at a socket: python -m lstmtui.engine.services.daemon RUN_FOLDER SOCKET.

One question a connection, {"op": "complete", ...}, answered as `lstmtui.engine.services.serve` would. Many may ask at
once, and one that asks slowly holds up nobody. It ends when nobody has asked for IDLE seconds, or when its run or its
socket is gone.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstmtui.common.files import to_json
from lstmtui.engine import process_memory
from lstmtui.engine.answering import MAX_QUESTION, Answers, answered
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.services.serve import Service
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder

IDLE = 900.0
LOOK = 5.0
"""Seconds between looks whether the run is still there."""
MAX_TURN = 5.0
"""Seconds that a client may take to ask, and then to take its answer."""
MAX_CLIENTS = 200
"""Connections that are open at once; others wait in the system's queue."""
MAX_QUEUE = 4096


def listen(run: RunFolder, place: Path, *, idle: float = IDLE) -> None:
    """Answer questions about `run` at `place` until there is no more reason to. Raises LstmtuiError, OSError."""
    process_memory.map_large_arrays()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(fresh := place.with_suffix(f".{os.getpid()}")))
        try:
            service = Service(load(run))
            next(service.answers({"op": "complete", "text": "a"}))  # everything is warm before it can be found
            door.listen(MAX_QUEUE)
            os.replace(fresh, place)
            mine = os.stat(place).st_ino
            with contextlib.closing(Clients(door, lambda line: answered(_only_complete(service), line))) as clients:
                while clients.quiet() < idle and run.config.exists() and _inode(place) == mine:
                    clients.serve(LOOK)
            if _inode(place) == mine:
                place.unlink(missing_ok=True)
        finally:
            fresh.unlink(missing_ok=True)


def _only_complete(service: Service) -> Callable[[Any], Answers]:
    """Return what answers completions with `service`; other questions may take minutes, and others wait."""

    def answers(question: Any) -> Answers:
        if isinstance(question, dict) and question.get("op", "complete") != "complete":
            raise UsageError(
                "This process only completes; ask 'python -P -m lstmtui.engine.services.serve' for the rest."
            )
        return service.answers(question)

    return answers


@dataclass(slots=True, eq=False)
class Client:
    """One connection: what it has asked so far, or what it has still to take."""

    line: socket.socket
    deadline: float
    asked: bytearray = field(default_factory=bytearray)
    answer: memoryview | None = None


class Clients:
    """Everyone who is connected to a listening socket; each gets the answer to the one line it sends."""

    def __init__(self, door: socket.socket, answers: Callable[[bytes], Answers]) -> None:
        door.setblocking(False)
        self._door, self._answers = door, answers
        self._open: set[Client] = set()
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(door, selectors.EVENT_READ)
        self._asked_at = time.monotonic()

    def quiet(self) -> float:
        """Return the seconds since the last question."""
        return time.monotonic() - self._asked_at

    def serve(self, seconds: float) -> None:
        """Wait for at most `seconds`, and do what is asked by then."""
        found = self._waiting.select(seconds)
        now = time.monotonic()
        for key, _ in found:
            if key.data is None:
                self._accept()
                continue
            try:
                self._send(key.data) if key.data.answer is not None else self._receive(key.data)
            except BlockingIOError:
                pass
            except OSError:
                self._drop(key.data)
        # Who has had its time by when everybody was looked at, and still has not done its part.
        for client in [each for each in self._open if each.deadline < now]:
            self._drop(client)

    def close(self) -> None:
        """Close every connection."""
        for client in list(self._open):
            self._drop(client)
        self._waiting.close()

    def _accept(self) -> None:
        while len(self._open) < MAX_CLIENTS:
            try:
                line, _ = self._door.accept()
            except OSError:  # nobody any more, or no more descriptors: the next look will see
                return
            line.setblocking(False)
            client = Client(line, time.monotonic() + MAX_TURN)
            self._open.add(client)
            self._waiting.register(line, selectors.EVENT_READ, client)
        self._waiting.unregister(self._door)  # until somebody leaves

    def _drop(self, client: Client) -> None:
        if client not in self._open:
            return
        self._open.remove(client)
        self._waiting.unregister(client.line)
        client.line.close()
        if len(self._open) == MAX_CLIENTS - 1 and self._door.fileno() not in self._waiting.get_map():
            self._waiting.register(self._door, selectors.EVENT_READ)

    def _receive(self, client: Client) -> None:
        """Take what a client sends, and answer when it is a whole line, too long a one, or all that will come."""
        data = client.line.recv(1 << 16)
        client.asked += data
        if not data and not client.asked:
            self._drop(client)
        elif not data or b"\n" in data or len(client.asked) > MAX_QUESTION:
            self._asked_at = time.monotonic()
            question, _, _ = bytes(client.asked).partition(b"\n")
            answers = self._answers(question)
            client.answer = memoryview(to_json(next(answers)).encode() + b"\n")
            client.deadline = time.monotonic() + MAX_TURN
            self._waiting.modify(client.line, selectors.EVENT_WRITE, client)
            with contextlib.suppress(BlockingIOError):
                self._send(client)
            for _ in answers:  # what there is to do for the next question
                pass

    def _send(self, client: Client) -> None:
        """Send what goes now; the connection ends with the answer."""
        assert client.answer is not None
        client.answer = client.answer[client.line.send(client.answer) :]
        if not client.answer:
            self._drop(client)


def _inode(place: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(place).st_ino
    return None


if __name__ == "__main__":
    with contextlib.suppress(LstmtuiError, OSError):
        listen(RunFolder(Path(sys.argv[1])), Path(sys.argv[2]))
