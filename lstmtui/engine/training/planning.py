"""Preparation before the first step: compile the kernels, measure a step, plan the number of steps."""

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

MIN_TRAINING_SHARE = 0.5
"""Minimum fraction of the time budget for training: on a slow machine, compilation may exceed the whole budget."""


def scratch_step(task: Task, regularisers: Regularisers) -> None:
    """Do the work of a complete step; it leaves meaningless weights behind."""
    update = Update(step=1, lr=1e-6, clip=1.0, weight_decay=0.0)
    training_step.take_step(task.optimizer, task.model.gradients, lambda: task.gradient(0, regularisers), update)


def compile_kernels(task: Task, regularisers: Regularisers, report: ProgressCallback) -> int:
    """Compile every kernel of a run in advance, and return the number of kernels that were not in the cache.

    `report` is called for each kernel before its compilation; it may raise.
    """

    def all_work() -> None:
        scratch_step(task, regularisers)
        task.exercise()

    return compile_all(collect_jobs(all_work), report, processes=cpu_count())


def make_plan(task: Task, regularisers: Regularisers, *, spent: float, check: Callable[[], None]) -> step_plan.Plan:
    """Plan the number of steps; for a time budget, of which `spent` seconds have passed, measure a step first."""
    s = task.settings
    steps = step_plan.steps_for(s, windows=task.steps_per_epoch)
    if steps is not None:
        return step_plan.Plan(steps=steps, corpus=task.digest)
    start = time.monotonic()
    step = measure(task, regularisers, check)
    beside = costs(task, step)
    seconds = 60 * s.length.amount - spent - (time.monotonic() - start)
    seconds = max(seconds, MIN_TRAINING_SHARE * 60 * s.length.amount)
    steps = step_plan.steps_that_fit(
        seconds, step=step, evaluation=beside.evaluation, eval_every=s.run.eval_every, final=beside.final
    )
    return step_plan.Plan(steps=steps, corpus=task.digest, seconds_per_step=step, seconds=seconds)


def measure(task: Task, regularisers: Regularisers, check: Callable[[], None]) -> float:
    """Return the median seconds of a step; it leaves meaningless weights behind."""

    def one_step() -> None:
        scratch_step(task, regularisers)
        check()

    return step_plan.median_seconds(one_step)


def costs(task: Task, step: float, per_token: float | None = None) -> Costs:
    """Estimate the cost of evaluations from the seconds of a step, and of evaluating a token if known."""
    if per_token is None:
        # A forward pass takes two fifths of a training step (a third of its arithmetic, with narrower products).
        per_token = 0.4 * step / task.tokens_per_step
    full = per_token * task.final_tokens
    minutes = task.settings.length.minutes
    limit = math.inf if minutes is None else MAX_FINAL_SHARE * 60 * minutes
    return Costs(
        evaluation=per_token * task.evaluated_tokens,
        final=1 + min(full, limit),
        share=min(1.0, limit / max(1e-9, full)),
    )
