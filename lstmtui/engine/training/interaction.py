"""A run's contact with the outside between two steps: signals, requests, and the place of its folder."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from lstmtui.engine.training import steering
from lstmtui.engine.training.requests import Request, Stop
from lstmtui.errors import LstmtuiError, SaveError

if TYPE_CHECKING:
    from lstmtui.engine.training.trainer import Trainer

PAUSE_POLL_SECONDS = 0.05
"""Seconds between two checks for requests while the run is paused."""


def check_folder(trainer: Trainer) -> None:
    """End the run if its folder was moved or removed, because its viewers would lose sight of it.

    Raises LstmtuiError after saving the progress in the moved folder, SaveError if the folder is gone.
    """
    p, writer, path = trainer.progress, trainer.writer, trainer.initial_run.path
    if trainer.run != trainer.initial_run and not writer.gone:
        with contextlib.suppress(SaveError):
            trainer.checkpoints.save_last(p)
            raise LstmtuiError(
                f"The folder {path} was moved to {trainer.run.path} while the run trained; it is saved there at step "
                f"{p.step}, and 'lstmtui resume {trainer.run.path}' continues it."
            )
        writer.locate_folder()
        if not writer.gone:
            trainer.checkpoints.save_last(p)
    if writer.gone:
        raise SaveError(f"The folder {path} was removed while the run trained; its progress to step {p.step} is lost.")


def answer_requests(trainer: Trainer) -> None:
    """Carry out the pending requests; while the run is paused, wait for the next ones. Raises Stop."""
    writer, paused = trainer.writer, False
    while True:
        trainer.check_signals()
        check_folder(trainer)
        with trainer.changes.together():
            for request in trainer.requests.new():
                trainer.check_signals()
                paused = _answer(trainer, request, paused)
        if not paused:
            break
        if writer.state != "paused":
            writer.status(state="paused")
            writer.event("paused", step=trainer.progress.step)
        start = time.perf_counter()
        time.sleep(PAUSE_POLL_SECONDS)
        trainer.exclude_from_interval(time.perf_counter() - start)
    if writer.state == "paused":
        writer.event("continued", step=trainer.progress.step)
        writer.status(state="training")


def _answer(trainer: Trainer, request: Request, paused: bool) -> bool:
    """Carry out one request, and return whether the run is paused afterwards. Raises Stop."""
    if request.op == "stop":
        request.answer("Saving and stopping.")
        raise Stop
    if request.op == "pause":
        request.answer("Paused.")
        return True
    if request.op == "continue":
        request.answer("Going on.")
        return False
    steering.carry_out(trainer, request)
    return paused
