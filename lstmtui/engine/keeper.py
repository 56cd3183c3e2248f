"""Keeps a run's checkpoints: saves where it stands, brings it back to where it stood."""

from __future__ import annotations

import time
from typing import Any

from lstmtui.engine import checkpoint
from lstmtui.engine.identity import check_identity, identity
from lstmtui.engine.progress import Progress
from lstmtui.engine.setup import Setup
from lstmtui.errors import CorruptError, SaveError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter


class Keeper:
    """Saves and restores one run's weights, moments, states and progress."""

    def __init__(self, run: RunFolder, writer: RunWriter, setup: Setup) -> None:
        self._run, self._writer, self.setup = run, writer, setup
        self._identity = identity(setup.settings, setup.data.tokenizer)
        self._saved_step = -1
        self._saved_at = time.monotonic()

    @property
    def seconds_since_save(self) -> float:
        return time.monotonic() - self._saved_at

    def save(self, p: Progress) -> bool:
        """Write a checkpoint; return False, and leave the one before, when the disk does not take it."""
        arenas = self.setup.optimizer.arenas()
        tensors = {f"{prefix}.{name}": view for prefix, arena in arenas.items() for name, view in arena.read().items()}
        tensors |= {f"state.{name}": state for name, state in self.setup.network.states().items()}
        about: dict[str, Any] = {
            "identity": self._identity,
            "progress": p.as_dict(),
            "offsets": self._writer.offsets(),
        }
        self._saved_at = time.monotonic()
        try:
            checkpoint.save(self._run, p.step, tensors, about)
        except OSError as error:
            self._writer.event("save failed", step=p.step, reason=error.strerror or str(error))
            self._writer.log(f"checkpoint of step {p.step} could not be saved: {error.strerror or error}")
            return False
        self._saved_step = p.step
        self._writer.event("saved", step=p.step)
        return True

    def save_best(self, p: Progress) -> None:
        """Save this step and name it the best, as far as the disk takes it."""
        if not self.save(p):
            return
        try:
            checkpoint.mark_best(self._run, p.step, p.best_nll)
        except OSError as error:
            self._writer.log(f"the best checkpoint could not be marked: {error.strerror or error}")

    def save_last(self, p: Progress) -> None:
        """Make sure that the step reached is on disk. Raises SaveError."""
        if self._saved_step != p.step and not self.save(p):
            raise SaveError(
                f"The last save of run '{self._run.name}' at step {p.step} failed; "
                f"make room on the disk and resume from step {max(0, self._saved_step)}."
            )

    def bring_back(self, *, best: bool = False) -> Progress | None:
        """Stand at the newest checkpoint that verifies, or the best, and return its progress; None when there is none.

        Metrics written after it are cut off. Raises CorruptError when all are damaged or belong to another run.
        """
        found = (checkpoint.best if best else checkpoint.newest)(self._run, self._writer.log)
        if found is None:
            return None
        where = f"The checkpoint of step {found.step}"
        check_identity(found.about.get("identity"), self._identity, where)
        try:
            progress = Progress.from_dict(found.about["progress"])
            offsets = dict(found.about["offsets"])
        except (KeyError, TypeError) as error:
            raise CorruptError(f"{where} lacks what a run needs to go on.") from error
        for prefix, arena in self.setup.optimizer.arenas().items():
            with arena.on_host() as views:
                checkpoint.restore(views, found.tensors, prefix, where)
        states = self.setup.network.states()
        checkpoint.restore(states, found.tensors, "state", where)
        self.setup.network.take_states(states)
        self._writer.cut_back(offsets)
        self._saved_step = found.step
        return progress

    def rewind(self) -> Progress | None:
        """Stand at the best checkpoint and let go of those after it, so that a resume begins there too."""
        if checkpoint.best_of(self._run) is None:
            return None
        found = self.bring_back(best=True)
        if found is not None:
            for path in checkpoint.everything(self._run):
                if path.name > checkpoint.path_of(self._run, found.step).name:
                    path.unlink(missing_ok=True)
        return found

    def load_best(self) -> int | None:
        """Put the best checkpoint's weights where they are evaluated, and return its step; None when there is none."""
        found = checkpoint.best(self._run, self._writer.log)
        if found is None:
            return None
        prefix = "ema" if self.setup.settings.ema else "weights"
        with self.setup.optimizer.evaluated.on_host() as views:
            checkpoint.restore(views, found.tensors, prefix, "The best checkpoint")
        return found.step
