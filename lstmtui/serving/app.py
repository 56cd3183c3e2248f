"""The endpoint's addresses, as OpenAI's interface has them, and `/complete` for ranked words."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from lstmtui.common.files import to_json
from lstmtui.serving.api_errors import ApiError
from lstmtui.serving.completion_request import CompletionRequest, completion_request, words_request
from lstmtui.serving.model_queue import ModelQueue
from lstmtui.serving.text_completion import Part, TextCompletion, Token

REQUEST_SECONDS = 600.0
"""A request is answered within this time, or ended."""


class Endpoint:
    """Answers the requests that the guard has passed."""

    def __init__(self, queue: ModelQueue, name: str) -> None:
        """`name` is the run's, which clients give as the model."""
        self._queue, self._name, self._started = queue, name, int(time.time())

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/v1/models", self._models),
                Route("/v1/models/{name:path}", self._model),
                Route("/v1/completions", self._completions, methods=["POST"]),
                Route("/complete", self._complete, methods=["POST"]),
            ],
            exception_handlers={ApiError: _refused, 404: _no_address, 405: _no_method, 500: _failed},
        )

    async def _health(self, request: Request) -> Response:
        return _json({"status": "ok", "model": self._name, "step": self._queue.step, "texts": self._queue.texts})

    async def _models(self, request: Request) -> Response:
        return _json({"object": "list", "data": [self._about()]})

    async def _model(self, request: Request) -> Response:
        if request.path_params["name"] != self._name:
            raise ApiError(404, f"There is only the model '{self._name}' here.", code="model_not_found")
        return _json(self._about())

    def _about(self) -> dict[str, Any]:
        return {"id": self._name, "object": "model", "created": self._started, "owned_by": "lstmtui"}

    async def _complete(self, request: Request) -> Response:
        wanted = words_request(await request.body())
        with self._counted(1):
            found = await self._queue.ask("complete", text=wanted.text, k=wanted.k, phrase=wanted.phrase)
        return _json({"candidates": found["candidates"], "milliseconds": found["milliseconds"]})

    async def _completions(self, request: Request) -> Response:
        wanted = completion_request(await request.body(), self._name)
        head = {"id": f"cmpl-{secrets.token_hex(12)}", "object": "text_completion", "created": int(time.time())}
        head["model"] = self._name
        if wanted.stream:
            self._queue.enter(wanted.choices)
            return EventStream(self._events(head, wanted), lambda: self._queue.leave(wanted.choices))
        with self._counted(wanted.choices):
            return await self._whole(request, head, wanted)

    async def _whole(self, request: Request, head: dict[str, Any], wanted: CompletionRequest) -> Response:
        """Return all texts of a request in one answer; stop where the client goes away."""
        completion, deadline = TextCompletion(self._queue, wanted), time.monotonic() + REQUEST_SECONDS
        parts: list[list[Part]] = [[] for _ in range(wanted.choices)]
        async with contextlib.aclosing(completion.parts()) as found:
            async for part in found:
                parts[part.index].append(part)
                if time.monotonic() > deadline:
                    raise ApiError(504, f"This was not written within {REQUEST_SECONDS:.0f} seconds; ask for less.")
                if await request.is_disconnected():
                    raise ConnectionError("the client has gone")
        choices = [_choice(index, of_one, wanted) for index, of_one in enumerate(parts)]
        return _json({**head, "choices": choices, "usage": completion.usage()})

    async def _events(self, head: dict[str, Any], wanted: CompletionRequest) -> AsyncGenerator[str]:
        """Yield the events of a stream, and end with what a client waits for."""
        completion, deadline = TextCompletion(self._queue, wanted), time.monotonic() + REQUEST_SECONDS
        try:
            async with contextlib.aclosing(completion.parts()) as parts:
                async for part in parts:
                    yield _event({**head, "choices": [_choice(part.index, [part], wanted)]})
                    if time.monotonic() > deadline:
                        raise ApiError(504, f"This was not written within {REQUEST_SECONDS:.0f} seconds; ask for less.")
            if wanted.include_usage:
                yield _event({**head, "choices": [], "usage": completion.usage()})
        except ApiError as error:  # the status has been sent
            yield _event(error.body())
        yield "data: [DONE]\n\n"

    @contextlib.contextmanager
    def _counted(self, texts: int) -> Iterator[None]:
        self._queue.enter(texts)
        try:
            yield
        finally:
            self._queue.leave(texts)


class EventStream(StreamingResponse):
    """Server-sent events, whose source is closed as soon as the client has gone."""

    def __init__(self, events: AsyncGenerator[str], on_end: Callable[[], None]) -> None:
        """`on_end` is called once, also where no event was sent."""
        super().__init__(events, media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._events, self._on_end = events, on_end

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()
            await self._events.aclose()


def _choice(index: int, parts: Iterable[Part], wanted: CompletionRequest) -> dict[str, Any]:
    """Return one text, or a part of it, as OpenAI's interface has it."""
    parts = list(parts)
    tokens = [token for part in parts for token in part.tokens]
    return {
        "text": "".join(part.text for part in parts),
        "index": index,
        "logprobs": _logprobs(tokens) if wanted.logprobs is not None else None,
        "finish_reason": parts[-1].finish_reason,
    }


def _logprobs(tokens: list[Token]) -> dict[str, Any]:
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.log_probability for token in tokens],
        "top_logprobs": [token.top for token in tokens],
        "text_offset": [token.offset for token in tokens],
    }


def _event(value: dict[str, Any]) -> str:
    return f"data: {to_json(value)}\n\n"


def _json(value: dict[str, Any], status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(to_json(value), status, headers, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    response = _json(error.body(), error.status)
    if error.status == 429:
        response.headers["retry-after"] = "1"
    return response


async def _no_address(request: Request, error: Exception) -> Response:
    known = "/v1/completions, /v1/models, /complete and /health"
    return _json(ApiError(404, f"There is nothing at this address; there are {known}.").body(), 404)


async def _no_method(request: Request, error: Exception) -> Response:
    return _json(ApiError(405, "This address does not take that method; texts are sent with POST.").body(), 405)


async def _failed(request: Request, error: Exception) -> Response:
    return _json(ApiError(500, "The server failed on this request.").body(), 500)
