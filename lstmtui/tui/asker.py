"""One model, one question at a time, the newest question first: so that typing never waits for an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from lstmtui.api import Candidate
from lstmtui.errors import LstmtuiError
from lstmtui.tui.doors import Completer

CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """How `text` may go on: ranked candidates, and the likeliest phrase (None: still being thought of)."""

    text: str
    candidates: tuple[Candidate, ...]
    phrase: Candidate | None
    milliseconds: float
    step: int | None = None
    """The checkpoint that answered."""


class Loaded(Message):
    """The model is there."""

    def __init__(self, about: dict[str, Any]) -> None:
        super().__init__()
        self.about = about


class Answered(Message):
    """The model continued a text."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Refused(Message):
    """The model could not be loaded, or could not answer; `final` when it will not answer again."""

    def __init__(self, words: str, *, final: bool) -> None:
        super().__init__()
        self.words = words
        self.final = final


class Done(Message):
    """The model did what it was told to."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words


class Asker:
    """Loads a model in a thread and answers there through `post`, which must be safe to call from it.

    A daemon thread, since loading and answering wait on a pipe and nothing may hold up leaving the program.
    """

    def __init__(self, open_model: Callable[[], Completer], post: Callable[[Message], object]) -> None:
        self._open, self._post = open_model, post
        self._model: Completer | None = None
        self._changed = threading.Condition()
        self._text: str | None = None
        self._orders: list[Callable[[Completer], str]] = []
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="asker", daemon=True)
        self._thread.start()

    def ask(self, text: str) -> None:
        """Ask how `text` goes on; a question that still waits is forgotten."""
        with self._changed:
            self._text = text
            self._changed.notify()

    def order(self, do: Callable[[Completer], str]) -> None:
        """Have something done to the model before the next question; what it returns is posted as Done."""
        with self._changed:
            self._orders.append(do)
            self._changed.notify()

    def close(self) -> None:
        """Forget all questions and end the model's process; returns at once."""
        with self._changed:
            self._closing, self._text = True, None
            model = self._model
            self._changed.notify()
        if model is not None:
            model.close()

    def _work(self) -> None:
        try:
            model = self._open()
        except (LstmtuiError, OSError, ValueError) as error:
            self._tell(Refused(str(error), final=True))
            return
        with self._changed:
            self._model = model
            leave = self._closing
        if leave:
            model.close()
            return
        self._tell(Loaded(dict(model.about)))
        while (task := self._next()) is not None:
            try:
                if isinstance(task, str):
                    self._answer(model, task)
                else:
                    self._tell(Done(task(model)))
            except LstmtuiError as error:
                self._tell(Refused(str(error), final=False))
            except (OSError, ValueError, KeyError) as error:  # the pipe broke, or what came out of it is no answer
                self._tell(Refused(f"The model's process has ended ({error}); ctrl+r opens it again.", final=True))
                return

    def _next(self) -> str | Callable[[Completer], str] | None:
        with self._changed:
            while self._text is None and not self._orders and not self._closing:
                self._changed.wait()
            if self._orders and not self._closing:
                return self._orders.pop(0)
            text, self._text = self._text, None
            return text

    def _answer(self, model: Completer, text: str) -> None:
        begun = time.perf_counter()
        candidates = tuple(model.complete(text, k=CANDIDATES))
        spent = 1000 * (time.perf_counter() - begun)
        step = model.about.get("step")
        self._tell(Answered(Answer(text, candidates, None, spent, step)))
        with self._changed:
            if self._text is not None or self._closing:
                return  # typed on meanwhile: the phrase would come too late
        phrases = model.complete(text, k=1, phrase=True)
        self._tell(Answered(Answer(text, candidates, phrases[0] if phrases else None, spent, step)))

    def _tell(self, message: Message) -> None:
        with self._changed:
            if self._closing:
                return
        self._post(message)
