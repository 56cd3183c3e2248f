"""What happens before the first step: kernels are compiled, a step is measured, the steps are planned."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from lstmtui.common.hardware import cpu_count
from lstmtui.engine import step_plan
from lstmtui.engine.backend import ProgressCallback, collect_jobs, compile_all
from lstmtui.engine.nn import training_step
from lstmtui.engine.nn.training_step import Update
from lstmtui.engine.tasks.task import Regularisers, Task
from lstmtui.engine.training.time_budget import MAX_FINAL_SHARE, Costs

MIN_TRAINING = 0.5
"""The part of the minutes that is trained for in any case: on a slow machine the first compiling may take them all."""


def scratch_step(task: Task, regularisers: Regularisers) -> None:
    """Do all the work of a step; the weights it leaves behind mean nothing."""
    update = Update(step=1, lr=1e-6, clip=1.0, weight_decay=0.0)
    training_step.take_step(task.optimizer, task.model.gradients, lambda: task.gradient(0, regularisers), update)


def compile_kernels(task: Task, regularisers: Regularisers, report: ProgressCallback) -> int:
    """Have every kernel that a run calls compiled, so that no later step waits for the compiler.

    Returns how many were not in the cache. `report` is called for each kernel that is being compiled; it may raise.
    """

    def everything() -> None:
        scratch_step(task, regularisers)
        task.exercise()

    return compile_all(collect_jobs(everything), report, processes=cpu_count())


def make_plan(task: Task, regularisers: Regularisers, *, spent: float, check: Callable[[], None]) -> step_plan.Plan:
    """Decide how many steps to take; where time decides, measure a step first. `spent` seconds are gone already."""
    s = task.settings
    steps = step_plan.steps_for(s, windows=task.steps_per_epoch)
    if steps is not None:
        return step_plan.Plan(steps=steps, corpus=task.digest)
    begun = time.monotonic()
    step = measure(task, regularisers, check)
    around = costs(task, step)
    seconds = 60 * s.length.amount - spent - (time.monotonic() - begun)
    seconds = max(seconds, MIN_TRAINING * 60 * s.length.amount)
    steps = step_plan.steps_that_fit(
        seconds, step=step, evaluation=around.evaluation, eval_every=s.run.eval_every, final=around.final
    )
    return step_plan.Plan(steps=steps, corpus=task.digest, seconds_per_step=step, seconds=seconds)


def measure(task: Task, regularisers: Regularisers, check: Callable[[], None]) -> float:
    """Return the seconds of a step; the weights it leaves behind mean nothing."""

    def one_step() -> None:
        scratch_step(task, regularisers)
        check()

    return step_plan.median_seconds(one_step)


def costs(task: Task, step: float, per_token: float | None = None) -> Costs:
    """Return what evaluations take where a step takes `step` seconds, and to evaluate a token `per_token`."""
    if per_token is None:
        # A token costs a forward pass two fifths of a training step (a third, but with narrower products).
        per_token = 0.4 * step / task.tokens_per_step
    whole = per_token * task.final_tokens
    minutes = task.settings.length.minutes
    most = math.inf if minutes is None else MAX_FINAL_SHARE * 60 * minutes
    return Costs(
        evaluation=per_token * task.evaluated_tokens,
        final=1 + min(whole, most),
        share=min(1.0, most / max(1e-9, whole)),
    )
