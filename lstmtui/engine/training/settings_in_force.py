"""The settings in force at a step: initial settings, live changes and schedules combined."""

from __future__ import annotations

from typing import Any, NamedTuple

from lstmtui.common import schedule
from lstmtui.config import RunSettings
from lstmtui.engine.nn.recurrent import Dropout, Penalty
from lstmtui.engine.nn.training_step import Update
from lstmtui.engine.step_plan import Plan
from lstmtui.engine.tasks.task import Regularisers
from lstmtui.engine.training.progress import Progress


class SettingsInForce(NamedTuple):
    """A function of the settings, the progress and the plan, so that a resumed run follows the same curves."""

    settings: RunSettings
    progress: Progress
    plan: Plan

    def value(self, name: str) -> Any:
        """Return the present value of a setting."""
        return self.progress.live.get(name, self.settings.value(name))

    def lr(self, step: int) -> float:
        """Return the learning rate of step number `step`, from 1."""
        o = self.settings.optimisation
        curve = schedule.lr_factor(
            step, steps=self.plan.steps, warmup=o.warmup, kind=o.schedule, end=o.lr_end, turns=self.plan.turns
        )
        rate: float = self.value("lr") * self.progress.lr_scale * curve
        return rate

    def update(self, step: int) -> Update:
        """Return the hyperparameters of the update at step number `step`, from 1."""
        return Update(step, self.lr(step), self.value("clip"), self.value("weight_decay"))

    def regularisers(self, step: int) -> Regularisers:
        """Return the regularisers of step number `step`, from 0; dropout rises, unless it was changed live."""
        done = schedule.fraction_done(
            step, steps=self.plan.steps, warmup=self.settings.optimisation.warmup, turns=self.plan.turns
        )
        return self._regularisers(step, schedule.dropout_factor(done, self.settings.regularisation.dropout_rise))

    def _regularisers(self, step: int, dropout_share: float) -> Regularisers:
        live = self.progress.live
        inputs, layers = (
            self.value(name) * (1 if name in live else dropout_share) for name in ("dropout_in", "dropout")
        )
        drop = Dropout(
            inputs=inputs,
            layers=layers,
            weights=self.value("weight_drop"),
            tokens=self.value("embedding_dropout"),
            key=(self.settings.run.seed << 32) + step,
        )
        return Regularisers(drop, Penalty(self.value("activation_reg") or 0.0, self.value("temporal_reg") or 0.0))

    def full_regularisers(self) -> Regularisers:
        """Return the regularisers with dropout at its full value, to call every kernel that a later step calls."""
        return self._regularisers(0, 1.0)
