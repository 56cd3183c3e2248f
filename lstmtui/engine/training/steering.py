"""Requests to a training run: save, sample, set, undo, rewind. Each is answered and recorded in the run.

Changes that affect the weights are checkpointed at once, so that a resume repeats them.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lstmtui import config
from lstmtui.engine.training.requests import Request, Stop
from lstmtui.engine.training.rollback import return_to
from lstmtui.errors import LstmtuiError, UsageError

if TYPE_CHECKING:
    from lstmtui.engine.training.trainer import Trainer

MAX_UNDO = 50
"""Maximum number of changes that can be undone."""


class Changes:
    """Changes of settings from one poll, which are saved together and then answered.

    One checkpoint for each would let a burst of requests block training.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._answers: list[tuple[Request, str]] = []

    def add(self, request: Request, message: str) -> None:
        """Answer `request` after the change is saved."""
        self._answers.append((request, message))

    def commit(self) -> None:
        """Save the changes and answer their requests; without changes, do nothing."""
        answers, self._answers = self._answers, []
        if answers and self._trainer.is_consistent:
            self._trainer.checkpoints.save(self._trainer.progress)
        for request, message in answers:
            request.answer(message)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Commit the changes at the end of the context, also after an exception."""
        try:
            yield
        finally:
            self.commit()


def carry_out(trainer: Trainer, request: Request) -> None:
    """Carry out a request between two steps, and answer it; a change of settings is answered by `Changes.commit`."""
    try:
        if request.op in ("set", "undo"):
            trainer.changes.add(request, _OPERATIONS[request.op](trainer, request))
        else:
            trainer.changes.commit()
            request.answer(_OPERATIONS[request.op](trainer, request))
    except Stop:
        raise
    except Exception as error:
        request.answer(_reason(trainer, error), ok=False)
        # A failed request ends the run only if it left an inconsistent state; a resume then uses the last checkpoint.
        if not trainer.is_consistent:
            raise


def _reason(trainer: Trainer, error: Exception) -> str:
    if isinstance(error, LstmtuiError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The network would not fit the memory with this setting."
    trainer.writer.log(traceback.format_exc())
    return f"The request failed unexpectedly ({type(error).__name__}: {error}); engine.log has the details."


def _save(trainer: Trainer, request: Request) -> str:
    if not trainer.checkpoints.save(trainer.progress):
        raise LstmtuiError("The checkpoint could not be written.")
    return f"Saved step {trainer.progress.step}."


def _sample(trainer: Trainer, request: Request) -> str:
    asked = {name: request.details[name] for name in ("temperature", "prompt") if request.details.get(name) is not None}
    trainer.sample(asked={name: config.convert(name, value, "sample") for name, value in asked.items()})
    return "Sampled."


def _set(trainer: Trainer, request: Request) -> str:
    key, value = request.key, config.convert(request.key, request.value, "set")
    if value is None:
        raise UsageError(f"set: {key} needs a value.")
    live = trainer.live_settings()
    if key not in live:
        raise UsageError(f"set: {key} cannot be changed in a run of this kind; these can: {', '.join(live)}.")
    before = live[key]
    _change(trainer, key, value)
    trainer.progress.changes = [*trainer.progress.changes, (key, before)][-MAX_UNDO:]
    trainer.writer.event("set", step=trainer.progress.step, key=key, before=before, value=value)
    return f"{key} is now {value} (it was {before})."


def _undo(trainer: Trainer, request: Request) -> str:
    if not trainer.progress.changes:
        raise UsageError("There is no change to undo.")
    key, value = trainer.progress.changes[-1]
    before = trainer.live_settings()[key]
    _change(trainer, key, value)
    trainer.progress.changes = trainer.progress.changes[:-1]
    trainer.writer.event("set", step=trainer.progress.step, key=key, before=before, value=value, undone=True)
    return f"Undone: {key} is {value} again (it was {before})."


def _change(trainer: Trainer, key: str, value: Any) -> None:
    """Change a setting from the next step on. Raises UsageError and MemoryError, and then changes nothing."""
    progress = trainer.progress
    before = progress.live
    progress.live = {**before, key: value}
    try:
        progress.shift = trainer.task.change_live(trainer.in_force.value, progress.shift, progress.step)
    except (LstmtuiError, MemoryError):
        progress.live = before
        raise
    trainer.writer.status(live=trainer.live_settings())


def _rewind(trainer: Trainer, request: Request) -> str:
    now = trainer.progress
    best = trainer.checkpoints.best(now)
    if best is None:
        raise UsageError("There is no best checkpoint yet; the first evaluation creates one.")
    return_to(trainer, best, now.returned_to(trainer.checkpoints.progress_of(best)))
    trainer.writer.status(live=trainer.live_settings(), step=best.step)
    trainer.writer.event("rewound", step=best.step, before=now.step)
    return f"Back at step {best.step}, the best one; it was at {now.step}."


_OPERATIONS = {"save": _save, "sample": _sample, "set": _set, "undo": _undo, "rewind": _rewind}
