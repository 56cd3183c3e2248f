"""What is done when a viewer asks: save, sample, set, undo, rewind. Each is answered, and kept in the run.

Changes that decide the weights are saved at once: a resume from before them would otherwise not know of them.
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
"""How many changes can be undone."""


class Changes:
    """Changes of settings that were asked for at once: they are saved together, and answered then.

    A checkpoint for each would let a burst of requests hold the training for as long as the disk takes.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._answers: list[tuple[Request, str]] = []

    def add(self, request: Request, message: str) -> None:
        """Answer `request` once the change is saved."""
        self._answers.append((request, message))

    def commit(self) -> None:
        """Save what was changed, and answer; nothing where nothing was."""
        answers, self._answers = self._answers, []
        if answers and self._trainer.is_consistent:
            self._trainer.checkpoints.save(self._trainer.progress)
        for request, message in answers:
            request.answer(message)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Save what is changed inside at the end of it, however it ends."""
        try:
            yield
        finally:
            self.commit()


def carry_out(trainer: Trainer, request: Request) -> None:
    """Do what is asked between two steps, and answer, a change of settings at `Changes.commit`."""
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
        # What a viewer asks for ends a run only where it left it between two steps: a resume goes by what is on disk.
        if not trainer.is_consistent:
            raise


def _reason(trainer: Trainer, error: Exception) -> str:
    if isinstance(error, LstmtuiError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The network would not fit the memory with that."
    trainer.writer.log(traceback.format_exc())
    return f"That failed unexpectedly ({type(error).__name__}: {error}); engine.log has the details."


def _save(trainer: Trainer, request: Request) -> str:
    if not trainer.checkpoints.save(trainer.progress):
        raise LstmtuiError("The disk did not take it.")
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
    """Let a setting have a value from the next step on. Raises UsageError and MemoryError, with nothing changed."""
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
    found = trainer.checkpoints.best(now)
    if found is None:
        raise UsageError("There is no best checkpoint to go back to yet; the first evaluation makes one.")
    return_to(trainer, found, now.returned_to(trainer.checkpoints.progress_of(found)))
    trainer.writer.status(live=trainer.live_settings(), step=found.step)
    trainer.writer.event("rewound", step=found.step, before=now.step)
    return f"Back at step {found.step}, the best one; it was at {now.step}."


_OPERATIONS = {"save": _save, "sample": _sample, "set": _set, "undo": _undo, "rewind": _rewind}
