"""Questions about the inside of a model: of each kind the newest, in the order in which they were asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from textual.message import Message

from lstmtui.tui.workers.model_thread import ModelThread


class InspectedModel(Protocol):
    """A loaded model that answers questions; `lstmtui.client.model.Model` is one."""

    about: dict[str, Any]

    def ask(self, op: str, on_piece: Callable[[str], None] | None = None, **details: Any) -> dict[str, Any]: ...

    def close(self) -> None: ...


class InspectionAnswered(Message):
    """The answer to a question: what was asked (`op` and details), and what came."""

    def __init__(self, op: str, details: dict[str, Any], answer: dict[str, Any]) -> None:
        super().__init__()
        self.op, self.details, self.answer = op, details, answer


class InspectionThread(ModelThread[InspectedModel, tuple[str, dict[str, Any]]]):
    """Asks a model; of questions with the same `op` only the newest, as whoever holds a key down wants to see the end.

    Answers with Told.
    """

    def __init__(self, open_model: Callable[[], InspectedModel], post: Callable[[Message], object]) -> None:
        self._waiting: dict[str, dict[str, Any]] = {}
        super().__init__(open_model, post)

    def ask(self, op: str, **details: Any) -> None:
        """Ask; returns at once."""
        with self._changed:
            self._waiting.pop(op, None)  # so that the new one comes after what was asked since
            self._waiting[op] = details
            self._changed.notify()

    def _take(self) -> tuple[str, dict[str, Any]] | None:
        op = next(iter(self._waiting), None)
        return (op, self._waiting.pop(op)) if op is not None else None

    def _do(self, model: InspectedModel, task: tuple[str, dict[str, Any]]) -> None:
        op, details = task
        self._tell(InspectionAnswered(op, details, model.ask(op, **details)))
