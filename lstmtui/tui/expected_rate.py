"""The learning rate that would follow if another peak were set now."""

from __future__ import annotations

from lstmtui.common.schedule import lr_factor
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui.workers.pending_requests import live_values

POINTS = 64


def expected_rate(run: RunSnapshot, peak: float) -> tuple[tuple[float, float], ...]:
    """Return the learning rate from now to the end of a run, by step, with another peak; empty where it is unknown.

    It is the rate of now, scaled, along the schedule of the run; a length that was re-planned bends it a little.
    """
    settings, now, before = run.settings, run.step, live_values(run)["lr"]
    if settings is None or not run.train or not run.steps or now >= run.steps or not isinstance(before, int | float):
        return ()
    o = settings.optimisation

    def factor(step: int) -> float:
        return lr_factor(step, steps=run.steps, warmup=o.warmup, kind=o.schedule, end=o.lr_end)

    if before <= 0 or factor(max(1, now)) <= 0:
        return ()
    scale = run.train[-1].lr * peak / before / factor(max(1, now))
    steps = sorted({now + (run.steps - now) * n // POINTS for n in range(POINTS + 1)})
    return tuple((float(step), scale * factor(max(1, step))) for step in steps)
