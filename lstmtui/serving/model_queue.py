"""One model that many requests ask in turn, from an event loop.

A thread asks the process of the model; questions wait in the order in which they came. A text that is written asks for
a few tokens at a time and then stands behind the others, so that none waits for the whole of another.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.serving.api_errors import ApiError, bad_request

if TYPE_CHECKING:
    from lstmtui.client.model import Model

MAX_TEXTS = 128
"""Texts that are written, or wait to be, at the same time; the next request is told to come again."""


class ModelQueue:
    """Asks one model; the methods are those of the event loop's thread."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._thread = ThreadPoolExecutor(1, "model")
        self.texts = 0
        """Texts that are written now, or wait to be."""

    @property
    def step(self) -> int | None:
        """The step of the checkpoint that answers."""
        return self._model.about.get("step")

    @property
    def alive(self) -> bool:
        """Whether the process of the model still answers."""
        return self._model.alive

    def enter(self, texts: int) -> None:
        """Count the texts of a request. Raises ApiError where there are too many."""
        if self.texts + texts > MAX_TEXTS:
            raise ApiError(429, "Too many requests are waiting; try again in a moment.", code="rate_limit_exceeded")
        self.texts += texts

    def leave(self, texts: int) -> None:
        """Undo `enter`."""
        self.texts -= texts

    async def ask(self, op: str, **details: Any) -> dict[str, Any]:
        """Return the answer to a question, after those that came before it. Raises ApiError."""
        return await self._answer(self._submit(op, **details))

    async def start(self, **details: Any) -> tuple[int, int, list[dict[str, Any]]]:
        """Begin a text, and return its number, the number of tokens in its prompt and its first pieces, if any.

        The text is ended where the request is given up before the answer has come. Raises ApiError.
        """
        question = self._submit("generate", **details)
        try:
            answer = await self._answer(question)
        except asyncio.CancelledError:
            question.add_done_callback(self._end_unclaimed)
            raise
        return answer["stream"], answer["prompt_tokens"], answer["pieces"]

    def end(self, stream: int) -> None:
        """End a text, without waiting."""
        self._submit("end", stream=stream)

    def close(self) -> None:
        """Answer no question from now on."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _submit(self, op: str, **details: Any) -> Future[dict[str, Any]]:
        try:
            return self._thread.submit(functools.partial(self._model.ask, op, **details))
        except RuntimeError:  # closed
            gone: Future[dict[str, Any]] = Future()
            gone.set_exception(LstmtuiError("The server is being ended."))
            return gone

    async def _answer(self, question: Future[dict[str, Any]]) -> dict[str, Any]:
        try:
            return await asyncio.wrap_future(question)
        except UsageError as error:
            raise bad_request(str(error)) from error
        except LstmtuiError as error:
            raise ApiError(503, str(error)) from error

    def _end_unclaimed(self, question: Future[dict[str, Any]]) -> None:
        if not question.cancelled() and question.exception() is None:
            self.end(question.result()["stream"])
