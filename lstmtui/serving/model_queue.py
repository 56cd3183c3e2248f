"""One model that many requests ask in turn, from an event loop.

A thread asks the process of the model. A text that is written asks for a few tokens at a time and then stands behind
the others, so that none waits for the whole of another. Words to be completed and the beginnings of texts come before
the rest of texts that have begun, which keep at least one question in nine.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.serving.api_errors import ApiError, bad_request

if TYPE_CHECKING:
    from lstmtui.client.model import Model

MAX_TEXTS = 128
"""Texts that are written, or wait to be, at the same time; the next request is told to come again."""

Answer = Future[dict[str, Any]]

MAX_IN_ROW = 8
"""Questions that come before one of a text which has begun."""


class Asker(threading.Thread):
    """Calls functions one after another, the urgent ones first."""

    def __init__(self) -> None:
        super().__init__(name="model", daemon=True)
        self._change = threading.Condition()
        self._urgent: deque[tuple[Answer, Callable[[], dict[str, Any]]]] = deque()
        self._begun: deque[tuple[Answer, Callable[[], dict[str, Any]]]] = deque()
        self._in_row = 0
        self._closed = False

    def submit(self, call: Callable[[], dict[str, Any]], *, begun: bool = False) -> Answer:
        """Return the future result of `call`; `begun` lets others go before it."""
        answer = Answer()
        with self._change:
            if self._closed:
                answer.set_exception(LstmtuiError("The server is being ended."))
                return answer
            (self._begun if begun else self._urgent).append((answer, call))
            self._change.notify()
        return answer

    def close(self) -> None:
        """Call nothing from now on; what waits is cancelled."""
        with self._change:
            self._closed = True
            for answer, _ in (*self._urgent, *self._begun):
                answer.cancel()
            self._change.notify()

    def run(self) -> None:
        """Call the functions until it is closed."""
        while (taken := self._next()) is not None:
            answer, call = taken
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)

    def _next(self) -> tuple[Answer, Callable[[], dict[str, Any]]] | None:
        with self._change:
            self._change.wait_for(lambda: self._closed or self._urgent or self._begun)
            if self._closed:
                return None
            if self._urgent and (self._in_row < MAX_IN_ROW or not self._begun):
                self._in_row += 1
                return self._urgent.popleft()
            self._in_row = 0
            return self._begun.popleft()


class ModelQueue:
    """Asks one model; the methods are those of the event loop's thread."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._asker = Asker()
        self._asker.start()
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
        self._asker.close()

    def _submit(self, op: str, **details: Any) -> Answer:
        return self._asker.submit(functools.partial(self._model.ask, op, **details), begun=op == "continue")

    async def _answer(self, question: Answer) -> dict[str, Any]:
        try:
            return await asyncio.wrap_future(question)
        except UsageError as error:
            raise bad_request(str(error)) from error
        except LstmtuiError as error:
            raise ApiError(503, str(error)) from error

    def _end_unclaimed(self, question: Answer) -> None:
        if not question.cancelled() and question.exception() is None:
            self.end(question.result()["stream"])
