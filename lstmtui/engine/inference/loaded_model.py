"""A trained run, loaded for use: its settings, its tokenizer and the weights that evaluate best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine import checkpoint
from lstmtui.engine.checkpoint_identity import identity
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder


class LoadedModel:
    """A language model: what completion, sampling, evaluation and inspection need of a run."""

    def __init__(
        self,
        settings: config.RunSettings,
        tokenizer: Tokenizer,
        weights: Arena,
        step: int,
        run: RunFolder | None = None,
    ) -> None:
        """`step` is that of the checkpoint, `run` the folder it was loaded from."""
        self.settings, self.tokenizer, self.step = settings, tokenizer, step
        self.run = run or RunFolder(Path())
        self._weights: Arena | None = weights
        self._parameter_count = weights.count

    @property
    def weights(self) -> Arena:
        """The weights, read again if they were released. Raises UsageError and CorruptError like `load`."""
        if self._weights is None:
            self.step, self._weights = _load_weights(self.run, self.settings, self.tokenizer)
        return self._weights

    def release(self) -> None:
        """Drop the weights: a network that steps text holds a packed copy of them."""
        self._weights = None

    def about(self) -> dict[str, Any]:
        """Return what a front end shows of the model."""
        s = self.settings
        return {
            "step": self.step, "cell": s.network.cell, "hidden": s.network.hidden, "layers": s.network.layers,
            "tokens": s.data.tokens, "vocabulary": self.tokenizer.size, "parameters": self._parameter_count,
        }  # fmt: skip


def load(run: RunFolder) -> LoadedModel:
    """Load the run's best checkpoint, or its newest.

    Raises UsageError for a run that is no language model or has no checkpoint, CorruptError for a damaged one.
    """
    settings = config.load(run.config)
    require_language_model(run, settings)
    require_checkpoint(run)
    tokenizer = load_tokenizer(run.tokenizer)
    step, weights = _load_weights(run, settings, tokenizer)
    return LoadedModel(settings, tokenizer, weights, step, run)


def require_language_model(run: RunFolder, settings: config.RunSettings) -> None:
    """Raise UsageError unless the run was trained for text."""
    if settings.data.purpose not in config.TEXT_PURPOSES:
        other = {
            "translation": f" ('lstmtui translate {run.name}' translates)",
            "speech": f" ('lstmtui transcribe {run.name} FILE' transcribes)",
            "captions": f" ('lstmtui caption {run.name} PICTURE' describes pictures)",
        }.get(settings.data.purpose, "")
        raise UsageError(
            f"Run '{run.name}' was trained for {settings.data.purpose}; only a run trained for "
            f"{' or '.join(config.TEXT_PURPOSES)} completes, samples, evaluates and inspects text{other}."
        )


def _load_weights(run: RunFolder, settings: config.RunSettings, tokenizer: Tokenizer) -> tuple[int, Arena]:
    """Return the step and the weights that evaluate best."""
    return load_best_weights(run, settings, parameters(settings, tokenizer.size), identity(settings, tokenizer))


def second_moments(model: LoadedModel) -> Arena | None:
    """Return AdamW's bias-corrected mean squared gradient of each weight; None for another optimizer.

    Raises CorruptError for a damaged checkpoint.
    """
    if model.settings.optimisation.optimizer != "adamw":
        return None
    found = checkpoint.best(model.run, only=("v.",))
    if found is None:
        return None
    moments = Arena(model.weights.layout)
    checkpoint.restore(moments.views, found.tensors, "v", f"The checkpoint of step {found.step}")
    moments.flat /= 1 - model.settings.optimisation.beta2 ** max(1, found.step)
    return moments
