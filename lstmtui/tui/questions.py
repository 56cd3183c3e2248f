"""Questions about the inside of a model, asked in a thread of their own, so that no key ever waits for an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from textual.message import Message

from lstmtui.errors import LstmtuiError


class Answerer(Protocol):
    """A loaded model that answers questions; `lstmtui.api.Model` is one."""

    about: dict[str, Any]

    def ask(self, op: str, on_piece: Callable[[str], None] | None = None, **details: Any) -> dict[str, Any]: ...

    def close(self) -> None: ...


class Opened(Message):
    """The model is there."""

    def __init__(self, about: dict[str, Any]) -> None:
        super().__init__()
        self.about = about


class Told(Message):
    """The answer to a question: what was asked (`op` and details), and what came."""

    def __init__(self, op: str, details: dict[str, Any], answer: dict[str, Any]) -> None:
        super().__init__()
        self.op, self.details, self.answer = op, details, answer


class Untold(Message):
    """No answer; `final` when none will come any more."""

    def __init__(self, op: str, words: str, *, final: bool) -> None:
        super().__init__()
        self.op, self.words, self.final = op, words, final


class Questions:
    """Opens a model in a thread and asks it there; answers come through `post`, which must be safe to call from it.

    Of questions with the same `op` only the newest is asked: whoever holds a key down wants to see where they end.
    """

    def __init__(self, open_model: Callable[[], Answerer], post: Callable[[Message], object]) -> None:
        self._open, self._post = open_model, post
        self._model: Answerer | None = None
        self._changed = threading.Condition()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._closing = False
        threading.Thread(target=self._work, name="questions", daemon=True).start()

    def ask(self, op: str, **details: Any) -> None:
        """Ask; returns at once."""
        with self._changed:
            self._waiting.pop(op, None)  # so that the new one comes after what was asked since
            self._waiting[op] = details
            self._changed.notify()

    def close(self) -> None:
        """Forget all questions and end the model's process; returns at once."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            model = self._model
            self._changed.notify()
        if model is not None:
            model.close()

    def _work(self) -> None:
        try:
            model = self._open()
        except (LstmtuiError, OSError, ValueError) as error:
            self._tell(Untold("", str(error), final=True))
            return
        with self._changed:
            self._model = model
            leave = self._closing
        if leave:
            model.close()
            return
        self._tell(Opened(dict(model.about)))
        while (question := self._next()) is not None:
            op, details = question
            try:
                self._tell(Told(op, details, model.ask(op, **details)))
            except (LstmtuiError, OSError, ValueError, KeyError) as error:
                over = not getattr(model, "alive", True)
                words = f"The model's process has ended ({error})." if over else str(error)
                self._tell(Untold(op, words, final=over))
                if over:
                    return

    def _next(self) -> tuple[str, dict[str, Any]] | None:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            if self._closing:
                return None
            op = next(iter(self._waiting))
            return op, self._waiting.pop(op)

    def _tell(self, message: Message) -> None:
        with self._changed:
            if self._closing:
                return
        self._post(message)
