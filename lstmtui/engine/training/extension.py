"""Extension of a run that has ended or was stopped: `lstmtui resume RUN --steps MORE`.

Only the end of the schedule moves. The steps taken so far are unchanged. From the next step on, learning rate and
rising dropout follow the schedule towards the new end. A finished run thus leaves its final learning rate, and a run
that was stopped half-way continues at about its former rate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from lstmtui import config
from lstmtui.common import schedule
from lstmtui.common.schedule import Turn
from lstmtui.config import RunSettings
from lstmtui.engine import step_plan
from lstmtui.engine.step_plan import Plan
from lstmtui.engine.training.planning import costs
from lstmtui.engine.training.progress import Progress
from lstmtui.engine.training.time_budget import Costs
from lstmtui.errors import UsageError

if TYPE_CHECKING:
    from lstmtui.engine.training.trainer import Trainer


@dataclasses.dataclass(frozen=True, slots=True)
class Extension:
    """Additional length of training, counted from the step reached; `unit` is one of config.LENGTHS."""

    unit: str
    amount: float

    @classmethod
    def parse(cls, text: str) -> Extension:
        """Parse text such as "steps=500" or "minutes=3". Raises UsageError."""
        unit, _, value = text.partition("=")
        if unit not in config.LENGTHS:
            raise UsageError(f"A run can be extended by {', '.join(config.LENGTHS)}, not by {unit!r}.")
        return cls(unit, config.convert(unit, value, f"--{unit}"))

    def length(self, p: Progress, total: int) -> dict[str, float | None]:
        """Return the settings of the total length after the extension: minutes, or `total` steps."""
        lengths: dict[str, float | None] = dict.fromkeys(config.LENGTHS)
        if self.unit == "minutes":
            return {**lengths, "minutes": round(p.elapsed / 60 + self.amount, 2)}
        return {**lengths, "steps": total}

    def initial_length(self) -> dict[str, float | None]:
        """Return the settings of the total length for a run that has no plan yet."""
        return {**dict.fromkeys(config.LENGTHS), self.unit: self.amount}


def extra_steps(more: Extension, *, windows: int, step: float, costs: Costs, eval_every: int, spent: float) -> int:
    """Return the number of steps in the extension `more`.

    windows       number of windows of the training text
    step, costs   seconds of a step and of the work beside steps; used if `more` is in minutes
    spent         seconds of these minutes that have already passed
    """
    if more.unit == "steps":
        return int(more.amount)
    if more.unit == "epochs":
        return max(1, round(more.amount * windows))
    return step_plan.steps_that_fit(
        seconds_left(more, spent), step=step, evaluation=costs.evaluation, eval_every=eval_every, final=costs.final
    )


def seconds_left(more: Extension, spent: float) -> float:
    """Return the remaining seconds of `more` minutes, but at least half of the minutes."""
    return max(60 * more.amount - spent, 0.5 * 60 * more.amount)


def extended(plan: Plan, s: RunSettings, at: int, total: int) -> Plan:
    """Return the plan with its end moved to step `total`; `at` is the step reached."""
    rising = schedule.warmup_steps(s.optimisation.warmup, plan.steps)
    behind = (at - rising) / max(1, total - rising)
    before = (turn for turn in plan.turns if turn.step < at)
    return dataclasses.replace(plan, turns=(*before, Turn(at, behind, total)), seconds=None)


def describe(at: int, before: int, total: int, lr: Callable[[int], float], lr_before: float) -> dict[str, float]:
    """Return the fields of the event `extended`: steps, and the learning rate before, next and last."""
    return {
        "step": at,
        "before": before,
        "steps": total,
        "lr_before": lr_before,
        "lr": lr(at + 1),
        "lr_end": lr(total),
    }


def extend(trainer: Trainer, more: Extension, *, step: float, spent: float) -> None:
    """Extend the schedule of a prepared run by `more`, counted from the step reached, and store the new plan.

    step, spent    as for `extra_steps`
    """
    p, s, before = trainer.progress, trainer.settings, trainer.plan
    total = p.step + extra_steps(
        more, windows=trainer.task.steps_per_epoch, step=step, costs=costs(trainer.task, step),
        eval_every=s.run.eval_every, spent=spent,
    )  # fmt: skip
    lr_before = trainer.in_force.lr(p.step) if p.step else 0.0
    trainer.plan = extended(before, s, p.step, total)
    if more.unit == "minutes":
        seconds = p.elapsed + seconds_left(more, spent)
        trainer.plan = dataclasses.replace(trainer.plan, seconds=seconds, seconds_per_step=step)
    p.worse, p.reached = 0, False  # otherwise the same condition would end the run again at once
    trainer.checkpoints.save(p)
    trainer.write_length(more.length(p, total))
    step_plan.store(trainer.run, trainer.plan)  # stored before it takes effect: a resume must take the same steps
    trainer.writer.event("extended", **describe(p.step, before.total, total, trainer.in_force.lr, lr_before))
