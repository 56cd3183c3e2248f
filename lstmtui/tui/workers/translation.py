"""Translations of a text by one model, for the newest text only, so that typing never waits for an answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from textual.message import Message

from lstmtui.client.translator import Translation
from lstmtui.tui.services import Translator
from lstmtui.tui.workers.model_thread import ModelThread

NBEST = 3
"""Translations that are shown."""


@dataclass(frozen=True, slots=True)
class Question:
    """A source sentence, and how its translation begins."""

    source: str
    prefix: str


class TranslationsReady(Message):
    """The model answered a question: translations, the best first; none where it can write none."""

    def __init__(self, question: Question, translations: tuple[Translation, ...], milliseconds: float) -> None:
        super().__init__()
        self.question, self.translations, self.milliseconds = question, translations, milliseconds


class TranslationThread(ModelThread[Translator, Question]):
    """Translates. Posts TranslationsReady."""

    def __init__(self, open_model: Callable[[], Translator], post: Callable[[Message], object]) -> None:
        self._question: Question | None = None
        super().__init__(open_model, post)

    def ask(self, question: Question) -> None:
        """Request translations, in place of a request that still waits."""
        with self._changed:
            self._question = question
            self._changed.notify()

    def _next_task(self) -> Question | None:
        question, self._question = self._question, None
        return question

    def _run_task(self, model: Translator, task: Question) -> None:
        started = time.perf_counter()
        prefixes = [task.prefix] if task.prefix else None
        (found,) = model.search([task.source], prefixes=prefixes, nbest=NBEST)
        milliseconds = 1000 * (time.perf_counter() - started)
        self._post_message(TranslationsReady(task, tuple(found), milliseconds))
