"""A trained run, loaded to be used: settings, tokenizer and the weights that evaluate best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine import checkpoint
from lstmtui.engine.checkpoint_identity import check_identity, identity
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder


class Trained:
    """What sampling, completing and evaluating need of a run."""

    def __init__(
        self, settings: config.Settings, tokenizer: Tokenizer, weights: Arena, step: int, run: RunFolder | None = None
    ) -> None:
        """`run` is where it comes from."""
        self.settings, self.tokenizer, self.step = settings, tokenizer, step
        self.run = run or RunFolder(Path())
        self._weights: Arena | None = weights
        self._count = weights.count

    @property
    def weights(self) -> Arena:
        """The weights; read again where they have been let go of. Raises UsageError, CorruptError as `load`."""
        if self._weights is None:
            self.step, self._weights = _weights(self.run, self.settings, self.tokenizer)
        return self._weights

    def let_go(self) -> None:
        """Hold the weights no longer: whoever steps the network has a copy, ordered for that."""
        self._weights = None

    def about(self) -> dict[str, Any]:
        """Return what a front end shows of the model."""
        s = self.settings
        return {
            "step": self.step, "cell": s.cell, "hidden": s.hidden, "layers": s.layers, "tokens": s.tokens,
            "vocabulary": self.tokenizer.size, "parameters": self._count,
        }  # fmt: skip


def load(run: RunFolder) -> Trained:
    """Load the run's best checkpoint, or the newest. Raises UsageError without one, CorruptError for a damaged one."""
    settings = config.load(run.config)
    if not checkpoint.list_paths(run):
        raise UsageError(f"Run '{run.name}' has no checkpoint yet; 'lstmtui resume {run.name}' trains it.")
    tokenizer = load_tokenizer(run.tokenizer)
    step, weights = _weights(run, settings, tokenizer)
    return Trained(settings, tokenizer, weights, step, run)


def _weights(run: RunFolder, settings: config.Settings, tokenizer: Tokenizer) -> tuple[int, Arena]:
    """Return the step and the weights that evaluate best; nothing else of the checkpoint is kept."""
    found = checkpoint.best(run, only=("ema.",) if settings.ema else ("weights.",))
    if found is None:
        raise UsageError(f"Run '{run.name}' has no checkpoint any more.")
    where = f"The checkpoint of step {found.step}"
    check_identity(found.about.get("identity"), identity(settings, tokenizer), where)
    weights = Arena(parameters(settings, tokenizer.size))
    checkpoint.restore(weights.views, found.tensors, "ema" if settings.ema else "weights", where)
    return found.step, weights


def second_moments(trained: Trained) -> Arena | None:
    """Return AdamW's mean squared gradient of each weight, in no dependence on the step; None for another optimizer.

    Raises CorruptError for a damaged checkpoint.
    """
    if trained.settings.optimizer != "adamw":
        return None
    found = checkpoint.best(trained.run, only=("v.",))
    if found is None:
        return None
    moments = Arena(trained.weights.layout)
    checkpoint.restore(moments.views, found.tensors, "v", f"The checkpoint of step {found.step}")
    moments.flat /= 1 - trained.settings.beta2 ** max(1, found.step)
    return moments
