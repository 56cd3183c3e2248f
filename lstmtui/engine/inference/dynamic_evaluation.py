"""Dynamic evaluation: after each part of the evaluated text, the weights are updated on it.

    w  <-  w  -  lr g / (rms + eps)  +  decay n (w_trained - w)         rms rule: n = rms / mean(rms), at most 1 / decay
    w  <-  w  -  lr g                +  decay (w_trained - w)           sgd rule

g is the gradient of the mean loss over the part just predicted, so that every token is predicted before it is learnt.
rms is the root mean squared gradient of training. It is taken from AdamW's second moment in the checkpoint, the running
mean of the last training steps, so that the training text need not be read again. eps is a fraction of mean(rms); it
limits the steps of rare tokens, whose moments have decayed.

Source: Krause, Kahembwe, Murray and Renals 2018, arXiv:1709.07432, "Dynamic evaluation of neural sequence models".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.batches import EvaluationStreams
from lstmtui.data.token_files import Split
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.backend import optim
from lstmtui.engine.inference.evaluate import Evaluation, LossMeter
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import UsageError

WINDOW = 20
"""Tokens between updates, as in Krause et al. for characters."""
EPSILON = 0.1
"""eps as a fraction of mean(rms)."""
DEFAULT_RATES = {"rms": 1e-4, "sgd": 0.1}
DEFAULT_DECAY = 0.02
PROGRESS_WINDOWS = 50
"""Windows between reports of progress."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An update rule. Raises UsageError for an unknown name and values out of range."""

    name: str
    """rms or sgd."""
    lr: float
    decay: float

    def __post_init__(self) -> None:
        if self.name not in DEFAULT_RATES:
            raise UsageError(f"The rule of dynamic evaluation must be rms or sgd, not {self.name!r}.")
        if not (0 < self.lr < 1e6 and 0 <= self.decay < 1):
            raise UsageError("Dynamic evaluation needs a learning rate above 0 and a decay from 0 to below 1.")


def choose_rule(name: str | None, lr: float | None, decay: float | None, *, has_moments: bool) -> Rule:
    """Return a rule with defaults for what is None. Raises UsageError for rms without moments."""
    if name == "rms" and not has_moments:
        raise UsageError("The run was not trained with AdamW, so the rms rule has no moments; use the sgd rule.")
    name = name or ("rms" if has_moments else "sgd")
    return Rule(name, DEFAULT_RATES.get(name, 0.0) if lr is None else lr, DEFAULT_DECAY if decay is None else decay)


class DynamicEvaluator:
    """Evaluates one split with a copy of the weights that follows the text; the given weights never change."""

    def __init__(
        self,
        s: RunSettings,
        trained: Arena,
        split: Split,
        rule: Rule,
        tokenizer: Tokenizer | None = None,
        *,
        moments: Arena | None,
        threads: int,
    ) -> None:
        """`moments` are AdamW's second moments, for the rms rule. Raises UsageError for a text of one token."""
        self._split, self._tokenizer = split, tokenizer
        self._rule, self._trained, self._threads = rule, trained, threads
        self._weights = Arena(trained.layout, trained.flat.dtype.type)
        self._streams = EvaluationStreams(split.tokens, 1, min(WINDOW, max(1, len(split.tokens) - 1)))
        s = s.changed(recompute=False)
        self._network = LanguageModel(s, self._weights, self._streams.T, 1, threads=threads, backward=True)
        self._scale = np.ones_like(trained.flat)
        self._pull = np.ones_like(trained.flat)
        self._meter = LossMeter(split, tokenizer)
        if rule.name == "rms":
            assert moments is not None
            rms = np.sqrt(moments.flat)
            mean = float(sum(np.sqrt(view).sum(dtype=np.float64) for view in moments.views.values())) / moments.count
            self._scale[...] = 1.0 / (rms + EPSILON * mean + 1e-12)
            self._pull[...] = np.minimum(rms / (mean + 1e-12), 1.0 / max(rule.decay, 1e-6))

    def run(self) -> Evaluation:
        """Predict every token but the first, from the trained weights on."""
        for _ in self.steps():
            pass
        return self.result()

    def result(self) -> Evaluation:
        """Return the figures of the last pass."""
        return self._meter.result()

    def steps(self) -> Iterator[float]:
        """Make one pass over the text, and yield the fraction done every PROGRESS_WINDOWS."""
        self._weights.flat[...] = self._trained.flat
        self._network.reset()
        self._meter = LossMeter(self._split, self._tokenizer)
        streams, network = self._streams, self._network
        for k in range(streams.windows):
            x, y, weight = streams.window(k)
            if k + 1 < streams.windows:
                network.gradient(x, y)
                nll = network.nll
                network.carry()
                optim.adapt(
                    self._weights.flat, network.gradients.flat, self._trained.flat, self._scale, self._pull,
                    self._rule.lr, self._rule.decay, self._threads,
                )  # fmt: skip
            else:  # no text follows that an update could serve
                nll = network.evaluate(x, y)
            self._meter.add(nll, y.reshape(-1), weight.reshape(-1))
            if k % PROGRESS_WINDOWS == PROGRESS_WINDOWS - 1:
                yield (k + 1) / streams.windows


def as_answer(evaluation: Evaluation, rule: Rule) -> dict[str, Any]:
    """Return the figures with the rule that led to them."""
    return {"rule": rule.name, "lr": rule.lr, "decay": rule.decay, "window": WINDOW, **evaluation.as_dict()}
