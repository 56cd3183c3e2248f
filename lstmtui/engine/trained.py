"""A trained run, loaded to be used: settings, tokenizer and the weights that evaluate best."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine import checkpoint
from lstmtui.engine.identity import check_identity, identity
from lstmtui.engine.params import Arena, parameters
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Trained:
    """What sampling, completing and evaluating need of a run."""

    settings: config.Settings
    tokenizer: Tokenizer
    weights: Arena
    step: int
    run: RunFolder = field(default_factory=lambda: RunFolder(Path()))
    """Where it comes from."""

    def about(self) -> dict[str, Any]:
        """Return what a front end shows of the model."""
        s = self.settings
        return {
            "step": self.step, "cell": s.cell, "hidden": s.hidden, "layers": s.layers, "tokens": s.tokens,
            "vocabulary": self.tokenizer.size, "parameters": self.weights.count,
        }  # fmt: skip


def load(run: RunFolder) -> Trained:
    """Load the run's best checkpoint, or the newest. Raises UsageError without one, CorruptError for a damaged one."""
    settings = config.load(run.config)
    found = checkpoint.best(run)
    if found is None:
        raise UsageError(f"Run '{run.name}' has no checkpoint yet; 'lstmtui resume {run.name}' trains it.")
    tokenizer = load_tokenizer(run.tokenizer)
    where = f"The checkpoint of step {found.step}"
    check_identity(found.about.get("identity"), identity(settings, tokenizer), where)
    weights = Arena(parameters(settings, tokenizer.size))
    averaged = any(name.startswith("ema.") for name in found.tensors)
    checkpoint.restore(weights.views, found.tensors, "ema" if averaged else "weights", where)
    return Trained(settings, tokenizer, weights, found.step, run)


def second_moments(trained: Trained) -> Arena | None:
    """Return AdamW's mean squared gradient of each weight, in no dependence on the step; None for another optimizer.

    Raises CorruptError for a damaged checkpoint.
    """
    if trained.settings.optimizer != "adamw":
        return None
    found = checkpoint.best(trained.run)
    if found is None:
        return None
    moments = Arena(trained.weights.layout)
    checkpoint.restore(moments.views, found.tensors, "v", f"The checkpoint of step {found.step}")
    moments.flat /= 1 - trained.settings.beta2 ** max(1, found.step)
    return moments
