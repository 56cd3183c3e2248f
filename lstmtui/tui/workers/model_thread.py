"""A model in a thread of its own: requests are answered by messages, so that no key waits for an answer."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from textual.message import Message

from lstmtui.errors import LstmtuiError


class ModelOpened(Message):
    """The model has been opened."""

    def __init__(self, about: dict[str, Any]) -> None:
        super().__init__()
        self.about = about


class ModelFailed(Message):
    """The model could not be opened, or could not answer; `final` when its process has ended."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__()
        self.reason, self.final = reason, final


class Closable(Protocol):
    """What every model has. Where it has an attribute `alive`, False means that its process has ended."""

    about: dict[str, Any]

    def close(self) -> None: ...


Model = TypeVar("Model", bound=Closable)
Task = TypeVar("Task")


class ModelThread(ABC, Generic[Model, Task]):
    """Opens a model in a thread and runs tasks there; answers go through `post`, which must be safe to call from it.

    A subclass holds the waiting tasks, chooses the next one and runs it. The thread is a daemon, since opening and
    answering wait on a pipe, and the program must be able to exit meanwhile.
    """

    def __init__(self, open_model: Callable[[], Model], post: Callable[[Message], object]) -> None:
        self._open, self._post = open_model, post
        self._model: Model | None = None
        self._changed = threading.Condition()
        """Guards the waiting tasks; notified of a new task, and when the thread is closed."""
        self._closing = False
        threading.Thread(target=self._run, name=type(self).__name__, daemon=True).start()

    def close(self) -> None:
        """Drop all tasks and end the model's process; returns at once."""
        with self._changed:
            self._closing = True
            model = self._model
            self._changed.notify()
        if model is not None:
            model.close()

    @abstractmethod
    def _next_task(self) -> Task | None:
        """Remove and return the next task; None when no task waits. Called with the lock held."""

    @abstractmethod
    def _run_task(self, model: Model, task: Task) -> None:
        """Run `task` and post its result. Raises LstmtuiError, OSError, and, for an answer that makes no sense,
        ValueError, KeyError or TypeError."""

    def _post_message(self, message: Message) -> None:
        """Post a message, unless the thread has been closed."""
        with self._changed:
            if self._closing:
                return
        self._post(message)

    def _run(self) -> None:
        try:
            model = self._open()
        except (LstmtuiError, OSError, ValueError) as error:
            self._post_message(ModelFailed(str(error), final=True))
            return
        with self._changed:
            self._model = model
            closing = self._closing
        if closing:
            model.close()
            return
        self._post_message(ModelOpened(dict(model.about)))
        while (task := self._wait_for_task()) is not None:
            try:
                self._run_task(model, task)
            except (LstmtuiError, OSError, ValueError, KeyError, TypeError) as error:
                ended = isinstance(error, OSError) or not getattr(model, "alive", True)
                reason = f"The model's process has ended ({error})." if isinstance(error, OSError) else str(error)
                self._post_message(ModelFailed(reason, final=ended))
                if ended:
                    return

    def _wait_for_task(self) -> Task | None:
        """Wait for a task and return it; None when the thread has been closed."""
        with self._changed:
            while not self._closing:
                if (task := self._next_task()) is not None:
                    return task
                self._changed.wait()
        return None
