"""Where a run stands: what a checkpoint keeps beside tensors, so that going on is exact."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Interval:
    """Sums since the last line of metrics."""

    steps: int = 0
    loss: float = 0.0
    norm: float = 0.0
    clipped: int = 0

    def add(self, loss: float, norm: float, clipped: bool) -> None:
        self.steps += 1
        self.loss += loss
        self.norm += norm
        self.clipped += clipped


@dataclass(slots=True)
class Progress:
    """Counters of the training loop."""

    step: int = 0
    """Steps taken."""
    tokens: int = 0
    """Tokens trained on."""
    seconds: float = 0.0
    """Time spent on steps, over all engines that worked on the run."""
    elapsed: float = 0.0
    """The same with all that is done between them, but for pauses."""
    evaluated: int = -1
    """The step of the last evaluation."""
    best_nll: float = math.inf
    best_step: int = -1
    worse: int = 0
    """Evaluations since the best."""
    lr_scale: float = 1.0
    """Halved by each rollback."""
    rollbacks: int = 0
    live: dict[str, Any] = field(default_factory=dict)
    """Settings changed while the run trained."""
    changes: list[tuple[str, Any]] = field(default_factory=list)
    """What was changed and what it was before, the newest last; undo takes from the end."""
    shift: int = 0
    """Of `Streams`: set where the window's length was changed."""
    interval: Interval = field(default_factory=Interval)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Progress:
        """Undo `as_dict` after JSON, which has no infinity. Raises TypeError or KeyError for something else."""
        newer: dict[str, Any] = {"changes": [], "shift": 0, "elapsed": stored["seconds"]}  # not in older checkpoints
        values: dict[str, Any] = {f.name: stored[f.name] if f.name in stored else newer[f.name] for f in fields(cls)}
        values["interval"] = Interval(**stored["interval"])
        if values["best_nll"] is None:
            values["best_nll"] = math.inf
        return cls(**values)
