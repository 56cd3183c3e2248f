"""A trainer in the test's own process that takes steps and requests one at a time."""

from __future__ import annotations

from lstmtui.engine.training.requests import Request
from lstmtui.engine.training.steering import carry_out
from lstmtui.engine.training.trainer import Trainer
from lstmtui.runs.writer import RunWriter
from support import tiny


class StepwiseTrainer:
    """A trainer in this process."""

    def __init__(self, run):
        self.run, self.writer = run, RunWriter(run, interval=60)
        self.trainer = Trainer(run, self.writer, lambda: False)
        self.trainer.prepare()
        self.trainer.begin_interval()

    def steps(self, count):
        for _ in range(count):
            assert self.trainer._step()
            if self.trainer.progress.step % 4 == 0:
                self.trainer._log()
            if self.trainer.progress.step % 10 == 0:
                self.trainer.evaluate()

    def ask(self, op, key="", value=None, **details):
        """Make a request, and return whether it succeeded and the answer's message."""
        with self.trainer.changes.together():
            carry_out(self.trainer, Request("me", op, key, value, self.writer, {"op": op, **details}))
        answer = tiny.events(self.run, "answered")[-1]
        return answer["ok"], answer["message"]

    @property
    def live(self):
        return self.trainer.live_settings()
