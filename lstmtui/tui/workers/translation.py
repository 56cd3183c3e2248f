"""Translations of lines by one model, for the newest text only, so that typing never waits for an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.message import Message

from lstmtui.client.translator import Translation
from lstmtui.tui.services import Translator
from lstmtui.tui.workers.model_thread import ModelThread

NBEST = 3
"""Translations that are shown."""
BATCH = 16
"""Lines that are translated at once; a newer text waits for them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A source sentence, and how its translation begins."""

    source: str
    prefix: str


Answers = dict[Question, tuple[Translation, ...]]
"""Translations, the best first; none where the model can write none."""


class TranslationsReady(Message):
    """The model answered some questions."""

    def __init__(self, answers: Answers, milliseconds: float) -> None:
        super().__init__()
        self.answers, self.milliseconds = answers, milliseconds


class TranslationThread(ModelThread[Translator, tuple[Question, ...]]):
    """Translates. Posts TranslationsReady: for the first question alone, then for the others together."""

    def __init__(self, open_model: Callable[[], Translator], post: Callable[[Message], object]) -> None:
        self._waiting: list[tuple[Question, ...]] = []
        super().__init__(open_model, post)

    def ask(self, questions: Sequence[Question]) -> None:
        """Request translations, in place of all requests that still wait."""
        with self._changed:
            rest = tuple(questions[1:])
            self._waiting = [tuple(questions[:1])] if questions else []
            self._waiting += [rest[at : at + BATCH] for at in range(0, len(rest), BATCH)]
            self._changed.notify()

    def _next_task(self) -> tuple[Question, ...] | None:
        return self._waiting.pop(0) if self._waiting else None

    def _run_task(self, model: Translator, task: tuple[Question, ...]) -> None:
        started = time.perf_counter()
        prefixes = [question.prefix for question in task]
        found = model.search(
            [question.source for question in task], prefixes=prefixes if any(prefixes) else None, nbest=NBEST
        )
        milliseconds = 1000 * (time.perf_counter() - started)
        self._post_message(TranslationsReady(dict(zip(task, map(tuple, found), strict=True)), milliseconds))
