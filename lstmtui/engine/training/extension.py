"""Extension training for a run that has ended, or was stopped: `lstmtui resume RUN --steps MORE`.

Only the end of the schedule moves. The steps that were taken stay what they were; from the next one on, learning rate
and rising dropout are those of a run that was planned to the new end from its first step. So a finished run does not
crawl on at its last learning rate, and one that was stopped half-way goes on about as it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from lstmtui import config
from lstmtui.config import RunSettings
from lstmtui.engine import step_plan
from lstmtui.engine.nn import schedule
from lstmtui.engine.nn.schedule import Turn
from lstmtui.engine.step_plan import Plan
from lstmtui.engine.training.progress import Progress
from lstmtui.engine.training.time_budget import Costs
from lstmtui.errors import UsageError


@dataclasses.dataclass(frozen=True, slots=True)
class Extension:
    """How much further a run is to be trained, counted from where it stands; `unit` is one of config.LENGTHS."""

    unit: str
    amount: float

    @classmethod
    def parse(cls, text: str) -> Extension:
        """Return what "steps=500" or "minutes=3" means. Raises UsageError."""
        unit, _, value = text.partition("=")
        if unit not in config.LENGTHS:
            raise UsageError(f"A run can be trained further by {', '.join(config.LENGTHS)}, not by {unit!r}.")
        return cls(unit, config.convert(unit, value, f"--{unit}"))

    def length(self, p: Progress, total: int) -> dict[str, float | None]:
        """Return the settings that say how long the run is then, in all: steps, or minutes where the clock decides."""
        whole: dict[str, float | None] = dict.fromkeys(config.LENGTHS)
        if self.unit == "minutes":
            return {**whole, "minutes": round(p.elapsed / 60 + self.amount, 2)}
        return {**whole, "steps": total}

    def begin(self) -> dict[str, float | None]:
        """Return the same for a run that has no plan yet."""
        return {**dict.fromkeys(config.LENGTHS), self.unit: self.amount}


def extra_steps(more: Extension, *, windows: int, step: float, costs: Costs, eval_every: int, spent: float) -> int:
    """Return how many steps `more` means.

    windows       of the training text
    step, costs   seconds of a step and of what is done beside steps, where it is minutes
    spent         seconds of the minutes that are gone already
    """
    if more.unit == "steps":
        return int(more.amount)
    if more.unit == "epochs":
        return max(1, round(more.amount * windows))
    return step_plan.steps_that_fit(
        seconds_left(more, spent), step=step, evaluation=costs.evaluation, eval_every=eval_every, final=costs.final
    )


def seconds_left(more: Extension, spent: float) -> float:
    """Return the seconds that are left of `more` minutes; half of them are trained for in any case."""
    return max(60 * more.amount - spent, 0.5 * 60 * more.amount)


def extended(made: Plan, s: RunSettings, at: int, total: int) -> Plan:
    """Return the plan with its end at step `total`, where step `at` was reached."""
    rising = schedule.warmup_steps(s.optimisation.warmup, made.steps)
    behind = (at - rising) / max(1, total - rising)
    before = (turn for turn in made.turns if turn.step < at)
    return dataclasses.replace(made, turns=(*before, Turn(at, behind, total)), seconds=None)


def describe(at: int, before: int, total: int, lr: Callable[[int], float], lr_before: float) -> dict[str, float]:
    """Return what the event says of it: steps, and the learning rate before, next and last."""
    return {
        "step": at,
        "before": before,
        "steps": total,
        "lr_before": lr_before,
        "lr": lr(at + 1),
        "lr_end": lr(total),
    }
