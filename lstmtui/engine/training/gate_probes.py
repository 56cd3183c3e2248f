"""When the gates are probed between evaluations: at most a hundredth of the time of training is spent on it.

A run that has just begun is watched, and its first evaluation may be minutes away. Probes read; the weights do not
depend on them, and so not on the clock.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstmtui.engine.training.trainer import Trainer

MAX_SHARE = 0.01
"""Part of the time of training that probes between evaluations may take."""
LENT_SECONDS = 60.0
"""Seconds of training whose part may be taken beforehand: somebody who has just begun a run looks at it."""
MARGIN = 1.25
"""Times the last probe that the next one may take: other processes come and go."""
MIN_SECONDS = 0.5
"""Seconds of training between two probes."""
PROBES_PER_AXIS = 96
"""Probes over the steps taken so far: as many as a screen has columns for them."""


class GateProbes:
    """Takes the probes of one engine that are due."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._last, self._last_seconds = -1, -math.inf
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
        self._cost, self._last, self._last_seconds = time.perf_counter() - start, p.step, p.seconds
        self._spent += self._cost
        trainer.exclude_from_interval(self._cost, time.process_time() - busy_before)

    def _is_due(self, step: int, seconds: float) -> bool:
        if 0 <= step - self._last < step // PROBES_PER_AXIS or 0 <= seconds - self._last_seconds < MIN_SECONDS:
            return False
        per_step = seconds / max(1, step)
        cost = per_step if self._cost is None else self._cost  # the first one costs less than a step
        ahead = min(LENT_SECONDS, per_step * (self._trainer.plan.total - step))
        return self._spent + MARGIN * cost <= MAX_SHARE * (seconds - self._trained_before + ahead)
