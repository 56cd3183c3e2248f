"""Completions of a text by one model, for the newest text only, so that typing never waits for an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.message import Message

from lstmtui.client.model import Candidate
from lstmtui.tui.services import Completer
from lstmtui.tui.workers.model_thread import ModelThread

MAX_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Completion:
    """Completions of `text`: ranked candidates, and the likeliest phrase (None: not computed yet)."""

    text: str
    candidates: tuple[Candidate, ...]
    phrase: Candidate | None
    milliseconds: float
    step: int | None = None
    """The step of the checkpoint that answered."""


class CompletionReady(Message):
    """The model completed a text."""

    def __init__(self, completion: Completion) -> None:
        super().__init__()
        self.completion = completion


class CommandDone(Message):
    """A command has been carried out."""

    def __init__(self, summary: str) -> None:
        super().__init__()
        self.summary = summary


Command = Callable[[Completer], str]
"""An operation on a model; returns a sentence about its result."""


class CompletionThread(ModelThread[Completer, str | Command]):
    """Completes texts, after the commands that wait. Posts CompletionReady and CommandDone."""

    def __init__(self, open_model: Callable[[], Completer], post: Callable[[Message], object]) -> None:
        self._text: str | None = None
        self._rejected: Sequence[str] = ()
        self._commands: list[Command] = []
        super().__init__(open_model, post)

    def ask(self, text: str, rejected: Sequence[str] = ()) -> None:
        """Request completions of `text` without the words `rejected`, in place of a request that still waits."""
        with self._changed:
            self._text, self._rejected = text, rejected
            self._changed.notify()

    def run_command(self, command: Command) -> None:
        """Run a command before the next request; its sentence is posted as CommandDone."""
        with self._changed:
            self._commands.append(command)
            self._changed.notify()

    def _next_task(self) -> str | Command | None:
        if self._commands:
            return self._commands.pop(0)
        text, self._text = self._text, None
        return text

    def _run_task(self, model: Completer, task: str | Command) -> None:
        if isinstance(task, str):
            self._complete(model, task)
        else:
            self._post_message(CommandDone(task(model)))

    def _complete(self, model: Completer, text: str) -> None:
        rejected = self._rejected
        started = time.perf_counter()
        candidates = tuple(model.complete(text, k=MAX_CANDIDATES, passed=rejected))
        milliseconds = 1000 * (time.perf_counter() - started)
        step = model.about.get("step")
        self._post_message(CompletionReady(Completion(text, candidates, None, milliseconds, step)))
        with self._changed:
            if self._text is not None or self._closing:
                return  # the text has changed: the phrase would come too late
        phrases = model.complete(text, k=1, phrase=True, passed=rejected)
        phrase = phrases[0] if phrases else None
        self._post_message(CompletionReady(Completion(text, candidates, phrase, milliseconds, step)))
