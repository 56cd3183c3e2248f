"""The server of `lstmtui serve`: its socket, its model and its end."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import uvicorn

from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.serving.app import Endpoint
from lstmtui.serving.connections import Connection
from lstmtui.serving.guard import Guard
from lstmtui.serving.hosts import AllowedHosts
from lstmtui.serving.model_queue import ModelQueue

if TYPE_CHECKING:
    from lstmtui.client.model import Model

GRACE_SECONDS = 2
"""Requests in progress may take this long when the server is ended."""
BACKLOG = 512
"""Connections that wait to be accepted."""
MAX_HEADERS = 16_384
"""Bytes of the headers of a request."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address of `host`; port 0 is a free one. Raises UsageError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"There is no address for '{host}' ({reason}); --host 127.0.0.1 is this machine.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"Port {port} of {host} is in use by another program; choose another with --port."
            ) from error
        raise UsageError(f"{host} port {port} cannot be used ({os.strerror(error.errno or 0)}).") from error
    return listener


def serve(
    model: Model, name: str, listener: socket.socket, *, host: str, token: str, notify: Callable[[str], None]
) -> int:
    """Answer requests until a signal ends it, and return the exit code. Raises LstmtuiError if the model ends.

    name     what clients call the model
    host     the name or address that was asked for, under which requests may come
    notify   gets one sentence on each failure of the server itself
    """
    queue = ModelQueue(model)
    server = server_of(queue, name, host, token, notify)
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        received.append(number)

    # uvicorn ends itself at either signal, and then sends it again, to these.
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])
    finally:
        queue.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    if not model.alive and not received:
        raise LstmtuiError("The model's process has ended, and so does the server; start it again.")
    return 128 + received[0] if received else 0


def warm_up(model: Model) -> None:
    """Compile and load what the first requests would wait for. Raises LstmtuiError."""
    model.complete("a")
    stream = model.ask("generate", prompt="a")["stream"]
    while not model.ask("continue", stream=stream)["pieces"]:
        pass
    model.ask("end", stream=stream)


def server_of(queue: ModelQueue, name: str, host: str, token: str, notify: Callable[[str], None]) -> Server:
    """Return a server of one model; arguments as of `serve`."""
    guard = Guard(Endpoint(queue, name).app(), token, AllowedHosts(host), notify)
    config = uvicorn.Config(
        guard, http=Connection, ws="none", lifespan="off", loop="asyncio", proxy_headers=False, server_header=False,
        log_config=None, log_level="critical", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADERS,
    )  # fmt: skip
    return Server(config, queue)


class Server(uvicorn.Server):
    """Ends itself when the process of the model has ended."""

    def __init__(self, config: uvicorn.Config, queue: ModelQueue) -> None:
        super().__init__(config)
        self._queue = queue

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; called ten times a second."""
        return await super().on_tick(counter) or not self._queue.alive


def address_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    found: Any = listener.getsockname()
    name = f"[{found[0]}]" if ":" in found[0] else found[0]
    return f"http://{name}:{found[1]}"
