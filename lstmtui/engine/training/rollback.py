"""Return of a run to an earlier checkpoint: automatically after a non-finite loss, or because a user rewinds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.engine.training.progress import Progress
from lstmtui.errors import DivergedError

if TYPE_CHECKING:
    from lstmtui.engine.training.trainer import Trainer

MAX_ROLLBACKS = 5
"""Rollbacks of one run; the next non-finite loss ends it as diverged."""


def roll_back(trainer: Trainer) -> None:
    """Return to a finite checkpoint and halve the learning rate. Raises DivergedError."""
    p, writer = trainer.progress, trainer.writer
    rollbacks, lr_scale = p.rollbacks + 1, p.lr_scale / 2
    trainer.is_consistent = False  # a diverged state must not be saved
    writer.event("diverged", step=p.step)
    if rollbacks > MAX_ROLLBACKS:
        raise DivergedError(
            f"The loss became infinite or not a number {rollbacks} times, the last time at step {p.step}, although "
            f"the learning rate was halved each time; start again with a smaller --lr or --clip."
        )
    target = trainer.checkpoints.rollback_target(p)
    if target is None:
        raise DivergedError(f"The loss became infinite or not a number at step {p.step}, before anything was saved.")
    restored = p.returned_to(trainer.checkpoints.progress_of(target))
    restored.rollbacks, restored.lr_scale = rollbacks, lr_scale
    return_to(trainer, target, restored)
    writer.event("rolled back", step=target.step, lr_scale=lr_scale)
    writer.log(f"not finite at step {p.step}: back to step {target.step}, learning rate times {lr_scale:g}")


def return_to(trainer: Trainer, target: Checkpoint, progress: Progress) -> None:
    """Restore the older checkpoint `target` and continue with `progress`. Raises LstmtuiError and MemoryError."""
    trainer.checkpoints.write_back(target, progress)
    trainer.is_consistent = False
    trainer.checkpoints.restore(target, progress)
    trainer.progress = progress
    trainer.restore_live()
    trainer.is_consistent = True
