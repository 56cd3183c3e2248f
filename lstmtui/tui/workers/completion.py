"""How a text may go on, asked of one model: the newest text only, so that typing never waits for an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.message import Message

from lstmtui.client.model import Candidate
from lstmtui.tui.services import Completer
from lstmtui.tui.workers.model_thread import ModelThread

CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Completion:
    """How `text` may go on: ranked candidates, and the likeliest phrase (None: still being thought of)."""

    text: str
    candidates: tuple[Candidate, ...]
    phrase: Candidate | None
    milliseconds: float
    step: int | None = None
    """The checkpoint that answered."""


class CompletionReady(Message):
    """The model continued a text."""

    def __init__(self, answer: Completion) -> None:
        super().__init__()
        self.answer = answer


class CommandDone(Message):
    """The model did what it was told to."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words


Command = Callable[[Completer], str]
"""Something done to a model; returns words about it."""


class CompletionThread(ModelThread[Completer, str | Command]):
    """Has a model continue texts, and carries out orders before them. Answers with Answered and Done."""

    def __init__(self, open_model: Callable[[], Completer], post: Callable[[Message], object]) -> None:
        self._text: str | None = None
        self._passed: Sequence[str] = ()
        self._commands: list[Command] = []
        super().__init__(open_model, post)

    def ask(self, text: str, passed: Sequence[str] = ()) -> None:
        """Ask how `text` goes on, other than with the words `passed`; a question that still waits is forgotten."""
        with self._changed:
            self._text, self._passed = text, passed
            self._changed.notify()

    def run_command(self, do: Command) -> None:
        """Have something done to the model before the next question; what it returns is posted as Done."""
        with self._changed:
            self._commands.append(do)
            self._changed.notify()

    def _take(self) -> str | Command | None:
        if self._commands:
            return self._commands.pop(0)
        text, self._text = self._text, None
        return text

    def _do(self, model: Completer, task: str | Command) -> None:
        if isinstance(task, str):
            self._answer(model, task)
        else:
            self._tell(CommandDone(task(model)))

    def _answer(self, model: Completer, text: str) -> None:
        begun = time.perf_counter()
        passed = self._passed
        candidates = tuple(model.complete(text, k=CANDIDATES, passed=passed))
        spent = 1000 * (time.perf_counter() - begun)
        step = model.about.get("step")
        self._tell(CompletionReady(Completion(text, candidates, None, spent, step)))
        with self._changed:
            if self._text is not None or self._closing:
                return  # typed on meanwhile: the phrase would come too late
        phrases = model.complete(text, k=1, phrase=True, passed=passed)
        self._tell(CompletionReady(Completion(text, candidates, phrases[0] if phrases else None, spent, step)))
