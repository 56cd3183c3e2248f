"""A model in a thread of its own: what is asked there is answered by a message, so that no key waits for an answer."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from textual.message import Message

from lstmtui.errors import LstmtuiError


class ModelOpened(Message):
    """The model is there."""

    def __init__(self, about: dict[str, Any]) -> None:
        super().__init__()
        self.about = about


class ModelFailed(Message):
    """The model could not be opened, or could not answer; `final` when it will not answer again."""

    def __init__(self, words: str, *, final: bool) -> None:
        super().__init__()
        self.words, self.final = words, final


class Closable(Protocol):
    """What every model has; `alive` may be missing, and False means that its process has ended."""

    about: dict[str, Any]

    def close(self) -> None: ...


Model = TypeVar("Model", bound=Closable)
Task = TypeVar("Task")


class ModelThread(ABC, Generic[Model, Task]):
    """Opens a model in a thread and does tasks there; answers go through `post`, which must be safe to call from it.

    A subclass keeps the tasks that wait, says which is next, and does it. A daemon thread, since opening and answering
    wait on a pipe and nothing may hold up leaving the program.
    """

    def __init__(self, open_model: Callable[[], Model], post: Callable[[Message], object]) -> None:
        self._open, self._post = open_model, post
        self._model: Model | None = None
        self._changed = threading.Condition()
        """Held while what waits is looked at or changed; notified when something waits, or when it is closed."""
        self._closing = False
        threading.Thread(target=self._work, name=type(self).__name__, daemon=True).start()

    def close(self) -> None:
        """Forget all tasks and end the model's process; returns at once."""
        with self._changed:
            self._closing = True
            model = self._model
            self._changed.notify()
        if model is not None:
            model.close()

    @abstractmethod
    def _take(self) -> Task | None:
        """Return the next task, and keep it no longer; None when nothing waits. Called with the lock held."""

    @abstractmethod
    def _do(self, model: Model, task: Task) -> None:
        """Do `task` and post what came of it. Raises LstmtuiError, OSError, or what an answer
        that makes no sense leads to: ValueError, KeyError, TypeError."""

    def _tell(self, message: Message) -> None:
        """Post a message, unless nobody wants to hear it any more."""
        with self._changed:
            if self._closing:
                return
        self._post(message)

    def _work(self) -> None:
        try:
            model = self._open()
        except (LstmtuiError, OSError, ValueError) as error:
            self._tell(ModelFailed(str(error), final=True))
            return
        with self._changed:
            self._model = model
            leave = self._closing
        if leave:
            model.close()
            return
        self._tell(ModelOpened(dict(model.about)))
        while (task := self._next()) is not None:
            try:
                self._do(model, task)
            except (LstmtuiError, OSError, ValueError, KeyError, TypeError) as error:
                over = isinstance(error, OSError) or not getattr(model, "alive", True)
                self._tell(ModelFailed(f"The model's process has ended ({error})." if over else str(error), final=over))
                if over:
                    return

    def _next(self) -> Task | None:
        """Wait for a task and return it; None when there will be none."""
        with self._changed:
            while not self._closing:
                if (task := self._take()) is not None:
                    return task
                self._changed.wait()
        return None
