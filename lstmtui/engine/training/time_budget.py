"""Keeps a run that was given minutes to them: looks at the clock now and then, and chooses its steps anew.

A step measured once, before the first, says little of a machine that others use too. So the run notes what its steps
and evaluations take, and where the steps that are left no longer fit the time that is left, it turns to another number
of them. The learning rate goes on from where it stood and reaches its end with the last step. Each turn is written
down in plan.json before it counts, so that a run which is resumed from before it takes the same steps again.

Runs that were given steps or epochs have no use for this: nothing in them follows the clock.
"""

from __future__ import annotations

import dataclasses

from lstmtui.config import RunSettings
from lstmtui.engine import step_plan
from lstmtui.engine.nn import schedule
from lstmtui.engine.nn.schedule import Turn
from lstmtui.engine.step_plan import Plan
from lstmtui.engine.training.progress import Progress

MIN_SECONDS = 2.0
"""Seconds of training, without evaluations, that a look at the clock needs."""
MIN_SHARE = 0.02
"""And the part of all the time: fifty looks at most."""
MIN_CHANGE = 0.03
"""Part of the steps that are left by which they must change to be worth a turn."""
MIN_STEPS = 5
"""Steps that say nothing yet."""
MAX_FINAL_SHARE = 0.2
"""The part of the minutes that the last figures may take; where the texts are too long for that, a part is read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that a run spends beside its steps."""

    evaluation: float
    """Of an evaluation on the way, with all that is done then."""
    final: float
    """Of what comes after the last step."""
    share: float = 1.0
    """The part of the validation and test text that is read then."""


class TimeBudget:
    """What one engine has measured of the run it trains."""

    def __init__(self, s: RunSettings, p: Progress) -> None:
        self._s = s
        self._evaluation: float | None = None
        self.step: float | None = None
        """Seconds of a step, as they were measured last."""
        self.per_token: float | None = None
        """Seconds to evaluate a token."""
        self._begin(p)

    def _begin(self, p: Progress) -> None:
        self._step, self._elapsed, self._evaluating = p.step, p.elapsed, 0.0

    def evaluated(self, seconds: float, per_token: float | None) -> None:
        """Hear what an evaluation took, and what of it each token did that was read."""
        self._evaluation = seconds
        self._evaluating += seconds
        self.per_token = per_token

    def seconds_per_step(self, made: Plan, p: Progress) -> float | None:
        """Return what steps take now, and begin anew; None while too few were taken since the last look.

        The mean of what was measured now and before: other programs come and go.
        """
        if made.seconds is None or self._s.length.minutes is None:
            return None
        steps, seconds = p.step - self._step, p.elapsed - self._elapsed - self._evaluating
        if steps < 0:  # it went back
            self._begin(p)
        if steps < MIN_STEPS or seconds < max(MIN_SECONDS, MIN_SHARE * made.seconds):
            return None
        self._begin(p)
        now = seconds / steps
        self.step = now if self.step is None else (self.step + now) / 2
        return self.step

    def replan(self, made: Plan, p: Progress, step: float, costs: Costs) -> Plan | None:
        """Return the plan with the steps that fit from here, at `step` seconds each; None where it may stay.

        costs    as they follow from a step's; an evaluation that was measured counts instead
        """
        warmup = self._s.optimisation.warmup
        if made.seconds is None or p.step <= schedule.warmup_steps(warmup, made.steps):
            return None
        evaluation = costs.evaluation if self._evaluation is None else self._evaluation
        more = step_plan.steps_that_fit(
            made.seconds - p.elapsed, step=step, evaluation=evaluation, eval_every=self._s.run.eval_every,
            final=costs.final,
        )  # fmt: skip
        planned = max(0, made.total - p.step)
        if abs(more - planned) <= MIN_CHANGE * planned:
            return None
        behind = schedule.fraction_done(p.step, steps=made.steps, warmup=warmup, turns=made.turns)
        before = (turn for turn in made.turns if turn.step < p.step)
        return dataclasses.replace(made, turns=(*before, Turn(p.step, behind, p.step + more)))
