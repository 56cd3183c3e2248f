"""A loaded model that completes texts at a socket: python -m lstmtui.engine.services.daemon RUN_FOLDER SOCKET.

One request a connection, {"op": "complete", ...}, answered as `lstmtui.engine.services.serve` answers it. Many clients
are served at once; a slow one delays no other. The process ends after IDLE_SECONDS without a request, or when its run
or its socket is removed.
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
from lstmtui.engine.answering import MAX_REQUEST_BYTES, Answers, answer_request
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.services.serve import Service
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder

IDLE_SECONDS = 900.0
CHECK_SECONDS = 5.0
"""Seconds between checks whether the run and the socket still exist."""
CLIENT_SECONDS = 5.0
"""Time limit of a client for its request, and then for taking its answer."""
MAX_CLIENTS = 200
"""Connections that are open at once; others wait in the system's queue."""
MAX_QUEUE = 4096


def listen(run: RunFolder, path: Path, *, idle: float = IDLE_SECONDS) -> None:
    """Answer requests about `run` at the socket `path` until there is no reason to. Raises LstmtuiError, OSError."""
    process_memory.map_large_arrays()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(unready := path.with_suffix(f".{os.getpid()}")))
        try:
            service = Service(load(run))
            next(service.answers({"op": "complete", "text": "a"}))  # ready to answer before clients can find it
            listener.listen(MAX_QUEUE)
            os.replace(unready, path)
            own_inode = os.stat(path).st_ino
            answers = _completions_only(service)
            with contextlib.closing(Clients(listener, lambda line: answer_request(answers, line))) as clients:
                while clients.idle_seconds() < idle and run.config.exists() and _inode(path) == own_inode:
                    clients.serve(CHECK_SECONDS)
                    service.follow_profile()
            if _inode(path) == own_inode:
                path.unlink(missing_ok=True)
        finally:
            unready.unlink(missing_ok=True)


def _completions_only(service: Service) -> Callable[[Any], Answers]:
    """Return `service.answers` restricted to completions: other operations may take minutes, and block all clients."""

    def answers(request: Any) -> Answers:
        if isinstance(request, dict) and request.get("op", "complete") != "complete":
            raise UsageError(
                "This process only completes; use 'python -P -m lstmtui.engine.services.serve' for other operations."
            )
        return service.answers(request)

    return answers


@dataclass(slots=True, eq=False)
class Client:
    """One connection: the request received so far, or the rest of the answer to send."""

    connection: socket.socket
    deadline: float
    request: bytearray = field(default_factory=bytearray)
    answer: memoryview | None = None


class Clients:
    """The connections of a listening socket; each client gets the answer to the one line it sends."""

    def __init__(self, listener: socket.socket, answers: Callable[[bytes], Answers]) -> None:
        listener.setblocking(False)
        self._listener, self._answers = listener, answers
        self._open: set[Client] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._last_request = time.monotonic()

    def idle_seconds(self) -> float:
        """Return the seconds since the last request."""
        return time.monotonic() - self._last_request

    def serve(self, seconds: float) -> None:
        """Wait at most `seconds` for clients, and handle those that are ready."""
        ready = self._selector.select(seconds)
        now = time.monotonic()
        for key, _ in ready:
            if key.data is None:
                self._accept()
                continue
            try:
                self._send(key.data) if key.data.answer is not None else self._receive(key.data)
            except BlockingIOError:
                pass
            except OSError:
                self._drop(key.data)
        # Only clients that were given a chance before the deadline time out.
        for client in [each for each in self._open if each.deadline < now]:
            self._drop(client)

    def close(self) -> None:
        """Close every connection."""
        for client in list(self._open):
            self._drop(client)
        self._selector.close()

    def _accept(self) -> None:
        while len(self._open) < MAX_CLIENTS:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # no more clients, or no more descriptors: the next call tries again
                return
            connection.setblocking(False)
            client = Client(connection, time.monotonic() + CLIENT_SECONDS)
            self._open.add(client)
            self._selector.register(connection, selectors.EVENT_READ, client)
        self._selector.unregister(self._listener)  # until a client leaves

    def _drop(self, client: Client) -> None:
        if client not in self._open:
            return
        self._open.remove(client)
        self._selector.unregister(client.connection)
        client.connection.close()
        if len(self._open) == MAX_CLIENTS - 1 and self._listener.fileno() not in self._selector.get_map():
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _receive(self, client: Client) -> None:
        """Receive from a client, and answer once its request is a whole line, too long, or ended by the client."""
        data = client.connection.recv(1 << 16)
        client.request += data
        if not data and not client.request:
            self._drop(client)
        elif not data or b"\n" in data or len(client.request) > MAX_REQUEST_BYTES:
            self._last_request = time.monotonic()
            line, _, _ = bytes(client.request).partition(b"\n")
            answers = self._answers(line)
            client.answer = memoryview(to_json(next(answers)).encode() + b"\n")
            client.deadline = time.monotonic() + CLIENT_SECONDS
            self._selector.modify(client.connection, selectors.EVENT_WRITE, client)
            with contextlib.suppress(BlockingIOError):
                self._send(client)
            for _ in answers:  # what the operation prepares for the next request
                pass

    def _send(self, client: Client) -> None:
        """Send as much as the connection takes now; it ends with the answer."""
        assert client.answer is not None
        client.answer = client.answer[client.connection.send(client.answer) :]
        if not client.answer:
            self._drop(client)


def _inode(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(path).st_ino
    return None


if __name__ == "__main__":
    with contextlib.suppress(LstmtuiError, OSError):
        listen(RunFolder(Path(sys.argv[1])), Path(sys.argv[2]))
