"""The clock of a run that was given minutes, with made-up times."""

from __future__ import annotations

import pytest
from support import tiny

from lstmtui.common.schedule import Turn, fraction_done
from lstmtui.config import RunSettings
from lstmtui.engine.step_plan import Plan
from lstmtui.engine.training.progress import Progress
from lstmtui.engine.training.time_budget import Costs, TimeBudget

S = tiny.run_settings(minutes=2.0, eval_every=10, warmup=5)
MADE = Plan(steps=100, corpus="", seconds_per_step=1.0, seconds=110.0)
COSTS = Costs(evaluation=2.0, final=4.0)


def looked(
    p: Progress, *, steps: int, each: float, evaluation: float | None = None, made: Plan = MADE, s: RunSettings = S
):
    """Return what the pace says after `steps` more of `each` seconds, an evaluation at the end of them."""
    pace = TimeBudget(s, p)
    p.step += steps
    p.elapsed += steps * each
    if evaluation is not None:
        p.elapsed += evaluation
        pace.evaluated(evaluation, None)
    seconds = pace.seconds_per_step(made, p)
    return seconds, None if seconds is None else pace.replan(made, p, seconds, COSTS)


def test_faster_steps_increase_their_number():
    seconds, made = looked(Progress(), steps=20, each=0.25)
    assert seconds == pytest.approx(0.25)
    # 110 - 5 - 4 seconds are left, a step takes 0.25 and its part of an evaluation 0.2.
    assert made.turns == (Turn(20, fraction_done(20, steps=100, warmup=5), 20 + 224),)
    assert (made.steps, made.total) == (100, 244)


def test_a_measured_evaluation_replaces_its_estimate():
    seconds, made = looked(Progress(), steps=20, each=0.25, evaluation=5.0)
    assert seconds == pytest.approx(0.25)
    assert made.total == 20 + int((110 - 5 - 5 - 4) / (0.25 + 0.5))


def test_slower_steps_reduce_their_number_to_at_least_one():
    assert looked(Progress(), steps=20, each=2.0)[1].total == 20 + int((110 - 40 - 4) / 2.2)
    assert looked(Progress(), steps=20, each=10.0)[1].total == 21


def test_measurements_are_averaged_with_the_previous_one():
    p = Progress()
    pace = TimeBudget(S, p)
    found = []
    for each in (0.5, 1.5, 0.5):
        p.step += 10
        p.elapsed += 10 * each
        found.append(pace.seconds_per_step(MADE, p))
    assert found == pytest.approx([0.5, 1.0, 0.75])


def test_a_plan_that_fits_is_unchanged():
    # 40 of 100 steps at 0.85 s and 0.2 s for evaluations: 72 seconds are left for 60 steps, which take 61 to 65.
    p = Progress(step=20, elapsed=17.0)
    assert looked(p, steps=20, each=1.0, made=Plan(steps=100, corpus="", seconds=113.0))[1] is None


@pytest.mark.parametrize(("steps", "each"), [(4, 10.0), (20, 0.09)])
def test_short_measurements_are_ignored(steps, each):
    assert looked(Progress(), steps=steps, each=each) == (None, None)


def test_the_warm_up_is_not_replanned():
    assert looked(Progress(), steps=5, each=5.0)[1] is None
    assert looked(Progress(), steps=6, each=5.0)[1] is not None


def test_runs_in_steps_and_older_runs_have_no_time_budget():
    assert looked(Progress(), steps=50, each=9.0, s=tiny.run_settings(steps=100)) == (None, None)
    assert looked(Progress(), steps=50, each=9.0, made=Plan(steps=100, corpus="", seconds_per_step=1.0)) == (None, None)


def test_a_rollback_restarts_the_measurement_and_drops_later_turns():
    pace = TimeBudget(S, Progress(step=60, elapsed=60.0))
    back = Progress(step=40, elapsed=40.0)
    assert pace.seconds_per_step(MADE, back) is None
    back.step, back.elapsed = 50, 45.0
    assert pace.seconds_per_step(MADE, back) == pytest.approx(0.5)
    made = Plan(steps=100, corpus="", seconds=110.0, turns=(Turn(30, 0.2, 120), Turn(55, 0.5, 130)))
    assert [turn.step for turn in pace.replan(made, back, 0.5, COSTS).turns] == [30, 50]
