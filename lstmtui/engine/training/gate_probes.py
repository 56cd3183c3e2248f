"""When the gates are probed between evaluations: at most a hundredth of the time of training is spent on it.

A run that has just begun is watched, and its first evaluation may be minutes away. Probes read; the weights do not
depend on them, and so not on the clock.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstmtui.engine.training.trainer import Trainer

MAX_SHARE = 0.01
"""Part of the time of training that probes between evaluations may take."""
PROBES_PER_AXIS = 96
"""Probes over the steps taken so far: as many as a screen has columns for them."""


class GateProbes:
    """Takes the probes of one engine that are due."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._last = -1
        self._spent, self._trained_before = 0.0, trainer.progress.seconds
        self._cost: float | None = None
        """Seconds of the last probe."""

    def take_if_due(self) -> None:
        """Probe the gates if enough steps were taken since the last probe, and the time for it was trained."""
        p, trainer = self._trainer.progress, self._trainer
        if not self._is_due(p.step, p.seconds):
            return
        start, busy_before = time.perf_counter(), time.process_time()
        trainer.task.probe_gates(p.step)
        self._cost, self._last = time.perf_counter() - start, p.step
        self._spent += self._cost
        trainer.exclude_from_interval(self._cost, time.process_time() - busy_before)

    def _is_due(self, step: int, seconds: float) -> bool:
        if 0 <= step - self._last < max(1, step // PROBES_PER_AXIS):
            return False
        # The first one costs about as much as a step.
        cost = seconds / max(1, step) if self._cost is None else self._cost
        return self._spent + cost <= MAX_SHARE * (seconds - self._trained_before)
