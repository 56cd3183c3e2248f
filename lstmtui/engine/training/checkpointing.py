"""Saving and restoring the checkpoints of a run."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from lstmtui.common.files import exists
from lstmtui.engine import checkpoint
from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.engine.checkpoint_identity import check_identity
from lstmtui.engine.tasks.task import Task
from lstmtui.engine.training.progress import Progress, progress_from
from lstmtui.errors import CorruptError, SaveError, UnreadableError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter

RETRY_SECONDS = 2.0
"""Seconds before a failed save is retried; doubled after each further failure."""

Record = tuple[int, dict[str, Any], dict[str, Any]]
"""Step, tensors and metadata of a checkpoint."""


class CheckpointManager:
    """Saves and restores one run's weights, moments, states and progress.

    The progress in a checkpoint determines the best step. best.json repeats it for readers of the run; it is written
    after each save and at each resume.
    """

    def __init__(self, writer: RunWriter, task: Task) -> None:
        self._writer, self._task = writer, task
        self._identity = task.identity()
        self._saved_step = -1
        self._saved_at = time.monotonic()
        self._failures = 0
        self._pending: Record | None = None
        """A checkpoint that a rollback or the end of the run needs, after a failed save."""
        self._marked = -1
        """The step in best.json, as last written by this process."""

    @property
    def _run(self) -> RunFolder:
        """The run's folder at its present path."""
        return self._writer.run

    def is_due(self, every: float) -> bool:
        """Return whether a save is due: `every` seconds after the last one, or sooner after a failure."""
        interval = min(every, RETRY_SECONDS * 2 ** (self._failures - 1)) if self._failures else every
        return time.monotonic() - self._saved_at > interval

    def save(self, p: Progress) -> bool:
        """Write a checkpoint; if the disk refuses it, keep the previous one and return False.

        A pending checkpoint is written first, because a later step may refer to it.
        """
        self._saved_at = time.monotonic()
        try:
            self._writer.sync()  # a checkpoint stores the length of the metrics
            self._save_pending()
            checkpoint.save(self._run, *self._record(p), keep=(*p.anchors, p.best_step))
        except OSError as error:
            self._failures += 1
            self._writer.event("save failed", step=p.step, reason=error.strerror or str(error))
            self._writer.log(f"checkpoint of step {p.step} could not be saved: {error.strerror or error}")
            return False
        self._saved_step, self._failures = p.step, 0
        self._mark(p)
        self._writer.event("saved", step=p.step)
        return True

    def save_anchor(self, p: Progress) -> None:
        """Save this step for a later rollback; if the disk refuses it, keep a copy in memory and retry."""
        if not self.save(p):
            step, tensors, about = self._record(p)
            self._pending = step, {name: tensor.copy() for name, tensor in tensors.items()}, about

    def _save_pending(self) -> None:
        """Write the pending checkpoint, if any. Raises OSError."""
        if self._pending is not None:
            checkpoint.write(self._run, *self._pending)
            self._pending = None

    def save_last(self, p: Progress) -> None:
        """Ensure that the present step and the best one are on disk. Raises SaveError."""
        if not self._is_saved(p):
            self.save(p)
        if not self._is_saved(p):
            failed = f"at step {p.step}" if self._saved_step != p.step else f"of the best step, {p.best_step},"
            raise SaveError(
                f"The last save of run '{self._run.name}' {failed} failed; "
                f"make room on the disk and resume from step {max(0, self._saved_step)}."
            )

    def _is_saved(self, p: Progress) -> bool:
        return self._saved_step == p.step and self._pending is None and p.best_step in (-1, self._marked)

    def _record(self, p: Progress) -> Record:
        """Return the present checkpoint, with tensors as views. Raises OSError."""
        arenas = self._task.optimizer.arenas()
        tensors = {f"{prefix}.{name}": view for prefix, arena in arenas.items() for name, view in arena.read().items()}
        tensors |= {f"state.{name}": state for name, state in self._task.model.states().items()}
        offsets = self._writer.offsets()
        return p.step, tensors, {"identity": self._identity, "progress": p.as_dict(), "offsets": offsets}

    def _mark(self, p: Progress) -> None:
        """Write the best step of `p` to best.json if its checkpoint exists; a failure is retried at the next save."""
        if p.best_step == self._marked:
            return
        try:
            if p.best_step >= 0 and exists(checkpoint.path_for(self._run, p.best_step)):
                checkpoint.mark_best(self._run, p.best_step, p.decides, p.best_value)
        except OSError as error:
            self._failures += 1
            self._writer.log(f"the best checkpoint could not be marked: {error.strerror or error}")
            return
        self._marked = p.best_step

    def restore_newest(self) -> Progress | None:
        """Restore the newest valid checkpoint and return its progress; None if there is none.

        Later metrics are removed. Raises CorruptError if all checkpoints are damaged or belong to another run.
        """
        newest = checkpoint.newest(self._run, self._writer.log)
        if newest is None:
            return None
        progress = self.progress_of(newest)
        self.restore(newest, progress)
        return progress

    def best(self, p: Progress) -> Checkpoint | None:
        """Return the best checkpoint; None if there is none yet. Raises CorruptError."""
        with contextlib.suppress(OSError):
            self._save_pending()
        return checkpoint.load(checkpoint.path_for(self._run, p.best_step)) if p.best_step >= 0 else None

    def rollback_target(self, p: Progress) -> Checkpoint | None:
        """Return the finite checkpoint for a rollback from the diverged step `p.step`; None if there is none.

        Raises UnreadableError, because another checkpoint would change the result of the run.

        Evaluations choose the candidates, not the clock, so that interruptions do not change the target. A checkpoint
        of the diverged step itself comes last, because it would diverge again.
        """
        with contextlib.suppress(OSError):
            self._save_pending()
        on_disk = [checkpoint.step_from(path) for path in checkpoint.list_paths(self._run)]
        steps = [step for step in p.anchors if step in on_disk]
        steps += [step for step in on_disk if step not in steps and step <= p.step]
        for step in sorted(steps, key=lambda step: step == p.step):
            try:
                candidate = checkpoint.load(checkpoint.path_for(self._run, step))
            except UnreadableError:
                raise
            except CorruptError as error:
                self._writer.log(str(error))
                continue
            if checkpoint.is_finite(candidate):
                return candidate
        return None

    def progress_of(self, target: Checkpoint) -> Progress:
        """Return the progress of a checkpoint. Raises CorruptError if it is damaged or another run's."""
        check_identity(target.about.get("identity"), self._identity, f"The checkpoint of step {target.step}")
        return progress_from(target)

    def write_back(self, target: Checkpoint, p: Progress) -> None:
        """Make the older checkpoint `target`, with the progress `p`, the newest one.

        The change is atomic: until the newer checkpoints are removed, a resume starts at the newest, with all of its
        metrics. Raises SaveError if the disk refuses; then the newest remains.
        """
        try:
            checkpoint.write(self._run, target.step, target.tensors, {**target.about, "progress": p.as_dict()})
            checkpoint.remove_after(self._run, target.step)
        except OSError as error:
            raise SaveError(
                f"Run '{self._run.name}' cannot go back to step {target.step} ({error.strerror or error})."
            ) from error

    def restore(self, target: Checkpoint, p: Progress) -> None:
        """Restore the weights, moments and states of a checkpoint, and remove later metrics.

        Raises CorruptError, SaveError.
        """
        where = f"The checkpoint of step {target.step}"
        for prefix, arena in self._task.optimizer.arenas().items():
            with arena.on_host() as views:
                checkpoint.restore(views, target.tensors, prefix, where)
        states = self._task.model.states()
        checkpoint.restore(states, target.tensors, "state", where)
        self._task.model.set_states(states)
        try:
            self._writer.truncate_to(target.about["offsets"])
        except OSError as error:
            raise SaveError(
                f"The metrics of run '{self._run.name}' after step {target.step} cannot be removed "
                f"({error.strerror or error})."
            ) from error
        self._saved_step, self._marked, self._pending = target.step, -1, None
        self._mark(p)

    def load_best(self) -> int | None:
        """Load the best checkpoint into the evaluated weights, and return its step; None if there is none."""
        best = checkpoint.best(self._run, self._writer.log)
        if best is None:
            return None
        prefix = "ema" if self._task.settings.optimisation.ema else "weights"
        with self._task.optimizer.evaluated.on_host() as views:
            checkpoint.restore(views, best.tensors, prefix, "The best checkpoint")
        return best.step
