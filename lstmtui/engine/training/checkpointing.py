"""Keeps a run's checkpoints: saves where it stands, brings it back to where it stood."""

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
"""Seconds until a save that failed is tried again; twice as many each time it fails anew."""

Record = tuple[int, dict[str, Any], dict[str, Any]]
"""Step, tensors and what a checkpoint says about itself."""


class CheckpointManager:
    """Saves and restores one run's weights, moments, states and progress.

    A checkpoint's progress says which step is the best, and that is what counts: best.json, which tells it to those
    who only use the run, is written from it after each save and at each resume.
    """

    def __init__(self, writer: RunWriter, task: Task) -> None:
        self._writer, self._task = writer, task
        self._identity = task.identity()
        self._saved_step = -1
        self._saved_at = time.monotonic()
        self._failures = 0
        self._waiting: Record | None = None
        """A checkpoint that a rollback or the end will need, and that the disk did not take yet."""
        self._marked = -1
        """The step that best.json names, as far as this process knows."""

    @property
    def _run(self) -> RunFolder:
        """Where the run's folder is now."""
        return self._writer.run

    def is_due(self, every: float) -> bool:
        """Return whether it is time to save: every so many seconds, and sooner where the disk has refused."""
        wait = min(every, RETRY_SECONDS * 2 ** (self._failures - 1)) if self._failures else every
        return time.monotonic() - self._saved_at > wait

    def save(self, p: Progress) -> bool:
        """Write a checkpoint; return False, and leave the one before, when the disk does not take it.

        One that waits goes first: a resume must not find a step that counts on it without it.
        """
        self._saved_at = time.monotonic()
        try:
            self._writer.sync()  # a checkpoint counts the lines before it
            self._save_waiting()
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
        """Save this step, which the run may come back to; where the disk does not take it, keep it for another try."""
        if not self.save(p):
            step, tensors, about = self._record(p)
            self._waiting = step, {name: tensor.copy() for name, tensor in tensors.items()}, about

    def _save_waiting(self) -> None:
        """Write the checkpoint that waits, if one does. Raises OSError."""
        if self._waiting is not None:
            checkpoint.write(self._run, *self._waiting)
            self._waiting = None

    def save_last(self, p: Progress) -> None:
        """Make sure that the step reached and the best one are on disk. Raises SaveError."""
        if not self._is_saved(p):
            self.save(p)
        if not self._is_saved(p):
            lost = f"at step {p.step}" if self._saved_step != p.step else f"of the best step, {p.best_step},"
            raise SaveError(
                f"The last save of run '{self._run.name}' {lost} failed; "
                f"make room on the disk and resume from step {max(0, self._saved_step)}."
            )

    def _is_saved(self, p: Progress) -> bool:
        return self._saved_step == p.step and self._waiting is None and p.best_step in (-1, self._marked)

    def _record(self, p: Progress) -> Record:
        """Return what is to be saved now, as views. Raises OSError."""
        arenas = self._task.optimizer.arenas()
        tensors = {f"{prefix}.{name}": view for prefix, arena in arenas.items() for name, view in arena.read().items()}
        tensors |= {f"state.{name}": state for name, state in self._task.model.states().items()}
        offsets = self._writer.offsets()
        return p.step, tensors, {"identity": self._identity, "progress": p.as_dict(), "offsets": offsets}

    def _mark(self, p: Progress) -> None:
        """Have best.json name the best step of `p`, as far as it has a checkpoint; tried again at the next save."""
        if p.best_step == self._marked:
            return
        try:
            if p.best_step >= 0 and exists(checkpoint.path_for(self._run, p.best_step)):
                checkpoint.mark_best(self._run, p.best_step, p.best_nll)
        except OSError as error:
            self._failures += 1
            self._writer.log(f"the best checkpoint could not be marked: {error.strerror or error}")
            return
        self._marked = p.best_step

    def restore_newest(self) -> Progress | None:
        """Stand at the newest checkpoint that verifies, and return its progress; None when there is none.

        Metrics written after it are cut off. Raises CorruptError when all are damaged or belong to another run.
        """
        found = checkpoint.newest(self._run, self._writer.log)
        if found is None:
            return None
        progress = self.progress_of(found)
        self.restore(found, progress)
        return progress

    def best(self, p: Progress) -> Checkpoint | None:
        """Return the best checkpoint; None where there is none yet. Raises CorruptError."""
        with contextlib.suppress(OSError):
            self._save_waiting()
        return checkpoint.load(checkpoint.path_for(self._run, p.best_step)) if p.best_step >= 0 else None

    def rollback_target(self, p: Progress) -> Checkpoint | None:
        """Return the checkpoint to go back to from step `p.step`, where training came to nothing; None for none.

        Raises UnreadableError: another one would lead elsewhere.

        Evaluations have chosen it, not the clock, so that a run goes back to the same step whenever it is interrupted.
        One of the very step that failed would fail again; it comes last, for where nothing else is left.
        """
        with contextlib.suppress(OSError):
            self._save_waiting()
        there = [checkpoint.step_from(path) for path in checkpoint.list_paths(self._run)]
        steps = [step for step in p.anchors if step in there]
        steps += [step for step in there if step not in steps and step <= p.step]
        for step in sorted(steps, key=lambda step: step == p.step):
            try:
                found = checkpoint.load(checkpoint.path_for(self._run, step))
            except UnreadableError:
                raise
            except CorruptError as error:
                self._writer.log(str(error))
                continue
            if checkpoint.is_finite(found):
                return found
        return None

    def progress_of(self, found: Checkpoint) -> Progress:
        """Return the progress of a checkpoint. Raises CorruptError when it is damaged or another run's."""
        check_identity(found.about.get("identity"), self._identity, f"The checkpoint of step {found.step}")
        return progress_from(found)

    def write_back(self, found: Checkpoint, p: Progress) -> None:
        """Have a resume begin at the older checkpoint `found`, with the progress `p`.

        In one step: until the newest checkpoint is gone, a resume begins at that, with all of its metrics.
        Raises SaveError where the disk refuses; then it still does.
        """
        try:
            checkpoint.write(self._run, found.step, found.tensors, {**found.about, "progress": p.as_dict()})
            checkpoint.remove_after(self._run, found.step)
        except OSError as error:
            raise SaveError(
                f"Run '{self._run.name}' cannot go back to step {found.step} ({error.strerror or error})."
            ) from error

    def restore(self, found: Checkpoint, p: Progress) -> None:
        """Put back the weights, moments and states of a checkpoint, and cut off the metrics after it.

        Raises CorruptError, SaveError.
        """
        where = f"The checkpoint of step {found.step}"
        for prefix, arena in self._task.optimizer.arenas().items():
            with arena.on_host() as views:
                checkpoint.restore(views, found.tensors, prefix, where)
        states = self._task.model.states()
        checkpoint.restore(states, found.tensors, "state", where)
        self._task.model.set_states(states)
        try:
            self._writer.truncate_to(found.about["offsets"])
        except OSError as error:
            raise SaveError(
                f"The metrics of run '{self._run.name}' after step {found.step} cannot be cut off "
                f"({error.strerror or error})."
            ) from error
        self._saved_step, self._marked, self._waiting = found.step, -1, None
        self._mark(p)

    def load_best(self) -> int | None:
        """Put the best checkpoint's weights where they are evaluated, and return its step; None when there is none."""
        found = checkpoint.best(self._run, self._writer.log)
        if found is None:
            return None
        prefix = "ema" if self._task.settings.optimisation.ema else "weights"
        with self._task.optimizer.evaluated.on_host() as views:
            checkpoint.restore(views, found.tensors, prefix, "The best checkpoint")
        return found.step
