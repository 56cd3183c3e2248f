"""A run whose process is killed (SIGKILL) at one step after the other, and resumed each time.

The processes are forked from one that has loaded the engine and its kernels, so that each begins within milliseconds.

    PYTHONPATH=tests python -m support.killed_run WARM_UP_RUN RUN STEP ...

trains the first run to load everything, kills RUN in each of the steps, and then lets it end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from lstmtui.engine import __main__ as process
from lstmtui.engine.tasks.translation import TranslationTask
from lstmtui.engine.training.trainer import Trainer
from lstmtui.runs.folder import RunFolder


def life(run: RunFolder, step: int | None = None) -> int:
    """Train `run` in a process of its own that kills itself in `step`; return the wait status of the process.

    Kills in even steps are in the middle of the step, with the gradient computed, those in odd ones after the update.
    """
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    try:
        if step is not None:
            _kill_in(step)
        os._exit(process.main([str(run.path)]))
    finally:
        os._exit(99)


def _kill_in(step: int) -> None:
    gradient, whole_step = TranslationTask.gradient, Trainer._step

    def half(task: TranslationTask, now: int, regularisers: object) -> float:
        loss = gradient(task, now, regularisers)  # type: ignore[arg-type]
        if now == step and step % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return loss

    def whole(trainer: Trainer) -> bool:
        done = whole_step(trainer)
        if trainer.progress.step == step + 1 and step % 2 == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    TranslationTask.gradient, Trainer._step = half, whole  # type: ignore[method-assign,assignment]


def main(warm_up: str, killed: str, *steps: str) -> int:
    """Train both runs; return 0 if every kill struck and the run ended."""
    if process.main([warm_up]):
        return 1
    run = RunFolder(Path(killed))
    struck = [life(run, int(step)) == signal.SIGKILL for step in steps]
    return 0 if all(struck) and life(run) == 0 else 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
