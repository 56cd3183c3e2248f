"""Learns the classic tests of memory: python -m lstmtui.engine.services.memory_tasks; JSON lines in, JSON lines out.

    {"task": "adding", "length": 200, "every": 200, "threads": 1, "settings": {...}}     a trial of `reports`

Answers are {"compiling": kernel, "done": share}, {"step", "loss", "told"} now and then, and at the end of each trial
{"result": {...}}; or {"error": sentence, "exit_code": n}.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.files import to_json
from lstmtui.common.hardware import cpu_count
from lstmtui.config import RunSettings, Settings
from lstmtui.data.memory_tasks import Batch, Problem, Verdict, problem
from lstmtui.engine.backend import collect_jobs, compile_all
from lstmtui.engine.nn import schedule
from lstmtui.engine.nn.optimizer import Optimizer, finite
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.sequence_model import SequenceNetwork, parameters
from lstmtui.errors import LstmtuiError

Report = Callable[[dict[str, Any]], None]
LEARNT, TESTED, LOOKED_AT = 1, 2, 3
"""Streams of random numbers of one seed: what is learnt from, what the result is of, what is looked at on the way."""


class Learner:
    """One network on one problem, from its first weights on."""

    def __init__(self, wanted: Problem, s: RunSettings) -> None:
        """Raises MemoryError where it does not fit."""
        self.problem, self.settings, self.threads = wanted, s, s.run.threads
        self.weights = Arena(parameters(s, wanted.inputs, wanted.outputs))
        self.weights.initialise(s.run.seed)
        self.optimizer = Optimizer(s, self.weights, self.threads)
        self._random = np.random.default_rng([s.run.seed, LEARNT])
        self._trains: SequenceNetwork | None = None
        self._reads: SequenceNetwork | None = None
        self.steps = 0

    def step(self) -> float:
        """Learn from one batch and return the loss before; not finite when the weights are left as they were."""
        s, o = self.settings, self.settings.optimisation
        batch = self.problem.batch(self._random, s.length.batch)
        self._trains = self._network(self._trains, batch, backward=True)
        loss = self._trains.gradient(batch)
        norm = self.optimizer.norm(self._trains.gradients)
        if not finite(loss, norm):
            return math.nan
        self.steps += 1
        curve = schedule.factor(
            self.steps, steps=int(s.length.amount), warmup=o.warmup, kind=o.schedule, end=o.lr_end
        )  # fmt: skip
        self.optimizer.apply(
            self._trains.gradients, norm=norm, step=self.steps, lr=o.lr * curve, clip=o.clip,
            weight_decay=s.regularisation.weight_decay,
        )  # fmt: skip
        return loss

    def judge(self, stream: int, *, whole: bool) -> Verdict:
        """Return how well it does on sequences never learnt from."""
        return self.problem.judge(self._answers, np.random.default_rng([self.settings.run.seed, stream]), whole=whole)

    def _answers(self, batch: Batch) -> Any:
        self._reads = self._network(self._reads, batch, backward=False)
        return self._reads.answers(batch)

    def _network(self, held: SequenceNetwork | None, batch: Batch, *, backward: bool) -> SequenceNetwork:
        T, B = batch.asked.shape
        if held is not None and (held.T, held.B) == (T, B):
            return held
        return SequenceNetwork(
            self.settings, self.weights, self.problem.kind, T, B, threads=self.threads, backward=backward
        )


def learn(wanted: Problem, s: RunSettings, every: int, report: Report) -> dict[str, Any]:
    """Learn until it is learnt, or `s.steps` are taken, and return what came of it. Raises MemoryError."""
    learner = Learner(wanted, s)
    _compile(wanted, s, report)
    begun = told_at = time.monotonic()
    losses: list[float] = []
    while learner.steps < (int(s.length.amount)):
        loss = learner.step()
        if not math.isfinite(loss):
            told = f"the loss became infinite or not a number at step {learner.steps}"
            return _result(learner, Verdict(False, math.nan, told), begun)
        losses.append(loss)
        if time.monotonic() - told_at > 0.5:
            told_at = time.monotonic()
            report({"step": learner.steps, "loss": float(np.mean(losses[-50:]))})
        if learner.steps % every == 0:
            seen = learner.judge(LOOKED_AT, whole=False)
            report({"step": learner.steps, "loss": float(np.mean(losses[-every:])), "told": seen.told})
            if seen.passed and (judged := learner.judge(TESTED, whole=True)).passed:
                return _result(learner, judged, begun)
    return _result(learner, learner.judge(TESTED, whole=True), begun)


def _result(learner: Learner, judged: Verdict, begun: float) -> dict[str, Any]:
    return {
        "passed": judged.passed,
        "figure": judged.figure,
        "told": judged.told,
        "steps": learner.steps,
        "sequences": learner.steps * learner.settings.length.batch,
        "seconds": round(time.monotonic() - begun, 2),
        "parameters": learner.weights.count,
    }


def _compile(wanted: Problem, s: RunSettings, report: Report) -> None:
    """Have all kernels of a trial compiled, several at once."""
    spare = Learner(wanted, s)

    def everything() -> None:
        spare.step()
        spare.judge(LOOKED_AT, whole=False)

    def compiling(done: int, total: int, kernel: str) -> None:
        report({"compiling": kernel, "done": round(done / total, 3)})

    compile_all(collect_jobs(everything), compiling, processes=cpu_count())


def answer(line: str, report: Report) -> dict[str, Any]:
    """Return the answer to one line."""
    try:
        asked = json.loads(line)
        values = {name: config.convert(name, value, "the task") for name, value in asked["settings"].items()}
        values |= {"embedding": 1, "tied": False, "bptt": 1, "threads": int(asked.get("threads") or 1)}
        s = RunSettings.of(Settings(**values))
        wanted = problem(asked["task"], int(asked["length"]))
        return {"result": learn(wanted, s, max(1, int(asked["every"])), report)}
    except LstmtuiError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except MemoryError:
        return {"error": "That does not fit the memory; choose a shorter length or a smaller batch.", "exit_code": 1}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"error": f"The task cannot be tried ({type(error).__name__}: {error}).", "exit_code": 1}


def main() -> int:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever asked is gone: so is this

    def report(told: dict[str, Any]) -> None:
        print(to_json(told), flush=True)

    for line in sys.stdin:
        report(answer(line, report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
