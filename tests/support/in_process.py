"""Training in the test's own process: to the end, or until it is interrupted, and on from there."""

from __future__ import annotations

from collections.abc import Callable

from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter
from support import tiny


def train(run: RunFolder, interrupted: Callable[[], bool] = lambda: False) -> str:
    """Train a run to its end, or until it is interrupted, and return its state."""
    writer = RunWriter(run, interval=60)
    try:
        state = run_to_the_end(Trainer(run, writer, interrupted))
        writer.status(state=state)
        return state
    finally:
        writer.close()


def assert_resumes_in_the_same_bytes(whole: RunFolder, parts: RunFolder, checks: int) -> None:
    """Train `whole` at one go and `parts` in two, the first until so many checks for signals; compare the weights."""
    assert train(whole) == "finished"
    count = 0

    def interrupted() -> bool:
        nonlocal count
        count += 1
        return count > checks

    assert train(parts, interrupted) == "stopped"
    assert train(parts) == "finished"
    assert tiny.last_weights(parts) == tiny.last_weights(whole)
