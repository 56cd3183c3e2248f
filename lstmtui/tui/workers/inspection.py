"""Requests about the gates and states of a model: the newest of each operation, in the order of the requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from textual.message import Message

from lstmtui.tui.workers.model_thread import ModelThread


class InspectedModel(Protocol):
    """A loaded model that answers requests; `lstmtui.client.model.Model` is one."""

    about: dict[str, Any]

    def ask(self, op: str, on_piece: Callable[[str], None] | None = None, **details: Any) -> dict[str, Any]: ...

    def close(self) -> None: ...


class InspectionAnswered(Message):
    """The answer to a request: its operation and details, and the result."""

    def __init__(self, op: str, details: dict[str, Any], answer: dict[str, Any]) -> None:
        super().__init__()
        self.op, self.details, self.answer = op, details, answer


class InspectionThread(ModelThread[InspectedModel, tuple[str, dict[str, Any]]]):
    """Sends requests to a model, and posts InspectionAnswered for each.

    Of the waiting requests with the same operation only the newest is sent: a key that is held down makes many.
    """

    def __init__(self, open_model: Callable[[], InspectedModel], post: Callable[[Message], object]) -> None:
        self._waiting: dict[str, dict[str, Any]] = {}
        super().__init__(open_model, post)

    def ask(self, op: str, **details: Any) -> None:
        """Request an operation; returns at once."""
        with self._changed:
            self._waiting.pop(op, None)  # so that the new one follows the requests since
            self._waiting[op] = details
            self._changed.notify()

    def _next_task(self) -> tuple[str, dict[str, Any]] | None:
        op = next(iter(self._waiting), None)
        return (op, self._waiting.pop(op)) if op is not None else None

    def _run_task(self, model: InspectedModel, task: tuple[str, dict[str, Any]]) -> None:
        op, details = task
        self._post_message(InspectionAnswered(op, details, model.ask(op, **details)))
