"""What stands before every request: its Host, its Origin, its token, the size of its body, and limits of time.

Nothing of a request is read before its headers have been accepted, and nothing of it is ever logged.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from lstmtui.common.files import to_json
from lstmtui.serving.api_errors import ApiError
from lstmtui.serving.completion_request import MAX_BODY
from lstmtui.serving.hosts import AllowedHosts

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

BODY_SECONDS = 10.0
"""A body is received within this time."""
SEND_SECONDS = 20.0
"""A client takes a part of its answer within this time."""


class Guard:
    """Passes on to an application what may be answered; an ASGI application itself."""

    def __init__(self, app: App, token: str, hosts: AllowedHosts, notify: Callable[[str], None]) -> None:
        """`notify` gets one sentence on each failure of the server itself."""
        self._app, self._hosts, self._notify = app, hosts, notify
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # there is nothing to start or to end
            return
        begun = False

        async def send_in_time(message: Message) -> None:
            nonlocal begun
            begun = True
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        try:
            self._check(scope)
            body = await _body(scope, receive)
            await self._app(scope, _replayed(body, receive), send_in_time)
        except ApiError as error:
            if begun:
                raise
            await refuse(error, send_in_time)
        except (TimeoutError, ConnectionError):  # the client does not take its answer, or has gone
            raise
        except Exception as error:
            self._notify(f"A request failed inside lstmtui ({type(error).__name__}).")
            if begun:
                raise
            await refuse(ApiError(500, "The server failed on this request."), send_in_time)

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        """Raise ApiError unless the headers are those of a client that may ask."""
        headers = scope["headers"]
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not self._hosts.has_host(hosts[0]):
            raise ApiError(421, "This server does not answer under that name; use http://127.0.0.1.", code="host")
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if not all(self._hosts.has_origin(origin, hosts[0]) for origin in origins):
            raise ApiError(403, "Pages of other sites may not use this server.", code="origin")
        given = [value for name, value in headers if name == b"authorization"]
        if len(given) != 1 or not hmac.compare_digest(given[0], self._wanted):
            raise ApiError(
                401, "The token is missing or wrong; send 'Authorization: Bearer TOKEN'.", code="invalid_api_key"
            )


async def refuse(error: ApiError, send: Send) -> None:
    """Answer with an error, and end the connection: the rest of the request is not read."""
    body = to_json(error.body()).encode()
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close"),
    ]  # fmt: skip
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(scope: MutableMapping[str, Any], receive: Receive) -> bytes:
    """Return the body of a request. Raises ApiError for one that is too large, or that comes too slowly."""
    too_large = ApiError(413, f"The body of a request has at most {MAX_BODY:,} bytes.")
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > MAX_BODY:  # h11 has checked that it is a number
            raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise ConnectionError("the client has gone")
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise ApiError(408, f"The body of a request must arrive within {BODY_SECONDS:.0f} seconds.") from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body which has been read, and then what follows: that the client has gone."""
    unread = True

    async def replay() -> Message:
        nonlocal unread
        if unread:
            unread = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay
