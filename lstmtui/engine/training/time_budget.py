"""Time budget of a run in minutes: measures the speed periodically and re-plans the number of steps.

One measurement before the first step is unreliable on a shared machine. The run therefore measures its steps and
evaluations, and changes the number of steps when the remaining ones no longer fit the remaining time. The learning rate
continues from its present value and reaches its end with the last step. Each change is written to plan.json before it
takes effect, so that a resumed run takes the same steps again.

Runs with a length in steps or epochs do not depend on the clock.
"""

from __future__ import annotations

import dataclasses

from lstmtui.common import schedule
from lstmtui.common.schedule import Turn
from lstmtui.config import RunSettings
from lstmtui.engine import step_plan
from lstmtui.engine.step_plan import Plan
from lstmtui.engine.training.progress import Progress

MIN_SECONDS = 2.0
"""Minimum seconds of training, without evaluations, in a measurement."""
MIN_SHARE = 0.02
"""Minimum fraction of the time budget in a measurement: at most fifty measurements."""
MIN_CHANGE = 0.03
"""Minimum relative change of the remaining steps that triggers a new plan."""
MIN_STEPS = 5
"""Minimum number of steps in a measurement."""
MAX_FINAL_SHARE = 0.2
"""Maximum fraction of the time budget for the final evaluation; longer texts are evaluated in part."""


@dataclasses.dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of a run beside its steps."""

    evaluation: float
    """Seconds of an evaluation during training, with sample, probes and save."""
    final: float
    """Seconds after the last step."""
    share: float = 1.0
    """Fraction of the validation and test text in the final evaluation."""


class TimeBudget:
    """Measurements of one engine for the run that it trains."""

    def __init__(self, s: RunSettings, p: Progress) -> None:
        self._s = s
        self._evaluation: float | None = None
        self.step: float | None = None
        """Measured seconds of a step."""
        self.per_token: float | None = None
        """Seconds to evaluate a token."""
        self._start(p)

    def _start(self, p: Progress) -> None:
        self._step, self._elapsed, self._evaluating = p.step, p.elapsed, 0.0

    def evaluated(self, seconds: float, per_token: float | None) -> None:
        """Record the seconds of an evaluation, and of each of its tokens."""
        self._evaluation = seconds
        self._evaluating += seconds
        self.per_token = per_token

    def seconds_per_step(self, plan: Plan, p: Progress) -> float | None:
        """Return the seconds of a step, and start a new measurement; None if the present one is too short.

        The result averages the new and the previous measurement, because the load of the machine varies.
        """
        if plan.seconds is None or self._s.length.minutes is None:
            return None
        steps, seconds = p.step - self._step, p.elapsed - self._elapsed - self._evaluating
        if steps < 0:  # after a rollback or rewind
            self._start(p)
        if steps < MIN_STEPS or seconds < max(MIN_SECONDS, MIN_SHARE * plan.seconds):
            return None
        self._start(p)
        now = seconds / steps
        self.step = now if self.step is None else (self.step + now) / 2
        return self.step

    def replan(self, plan: Plan, p: Progress, step: float, costs: Costs) -> Plan | None:
        """Return the plan with the steps that fit the remaining time, at `step` seconds each; None to keep the plan.

        costs    estimated from a step; a measured evaluation takes precedence
        """
        warmup = self._s.optimisation.warmup
        if plan.seconds is None or p.step <= schedule.warmup_steps(warmup, plan.steps):
            return None
        evaluation = costs.evaluation if self._evaluation is None else self._evaluation
        more = step_plan.steps_that_fit(
            plan.seconds - p.elapsed, step=step, evaluation=evaluation, eval_every=self._s.run.eval_every,
            final=costs.final,
        )  # fmt: skip
        planned = max(0, plan.total - p.step)
        if abs(more - planned) <= MIN_CHANGE * planned:
            return None
        behind = schedule.fraction_done(p.step, steps=plan.steps, warmup=warmup, turns=plan.turns)
        before = (turn for turn in plan.turns if turn.step < p.step)
        return dataclasses.replace(plan, turns=(*before, Turn(p.step, behind, p.step + more)))
