"""Dynamic evaluation: the weights go on learning from the text that they are evaluated on, after each part of it.

    w  <-  w  -  lr g / (rms + eps)  +  decay n (w_trained - w)         rms rule: n = rms / mean(rms), at most 1 / decay
    w  <-  w  -  lr g                +  decay (w_trained - w)           sgd rule

g is the gradient of the mean loss over the part just predicted, so every prediction is made before its token is learnt
from. rms is the root of the mean squared gradient in training: here AdamW's second moment at the checkpoint, which is
that mean over the last steps of training, so that the training text need not be read again. eps is a share of
mean(rms), which keeps rare tokens, whose moments have faded, from jumping.

Source: Krause, Kahembwe, Murray and Renals 2018, arXiv:1709.07432, "Dynamic evaluation of neural sequence models".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.data.batches import EvaluationStreams
from lstmtui.data.token_files import Split
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.backend import optim
from lstmtui.engine.inference.evaluate import Meter, Result
from lstmtui.engine.nn.language_model import Network
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import UsageError

WINDOW = 20
"""Tokens after which the weights learn: what Krause et al. take for characters."""
EPSILON = 0.1
"""Least part of mean(rms) that a gradient is divided by."""
RATES = {"rms": 1e-4, "sgd": 0.1}
DECAY = 0.02


@dataclass(frozen=True, slots=True)
class Rule:
    """How weights follow the text. Raises UsageError for a rule that is not known or cannot be."""

    name: str
    """rms or sgd."""
    lr: float
    decay: float

    def __post_init__(self) -> None:
        if self.name not in RATES:
            raise UsageError(f"The rule of dynamic evaluation must be rms or sgd, not {self.name!r}.")
        if not (0 < self.lr < 1e6 and 0 <= self.decay < 1):
            raise UsageError("Dynamic evaluation wants a learning rate above 0 and a decay from 0 to below 1.")


def rule(name: str | None, lr: float | None, decay: float | None, *, has_moments: bool) -> Rule:
    """Return the rule asked for, open values filled in. Raises UsageError for rms without moments."""
    if name == "rms" and not has_moments:
        raise UsageError("The run was not trained with AdamW, so the rms rule has no moments; take the rule sgd.")
    name = name or ("rms" if has_moments else "sgd")
    return Rule(name, RATES.get(name, 0.0) if lr is None else lr, DECAY if decay is None else decay)


class DynamicEvaluator:
    """Evaluates one split with weights of its own, which follow it; those given are never changed."""

    def __init__(
        self,
        s: Settings,
        trained: Arena,
        split: Split,
        how: Rule,
        tokenizer: Tokenizer | None = None,
        *,
        moments: Arena | None,
        threads: int,
    ) -> None:
        """`moments`: AdamW's second moments, for the rule rms. Raises UsageError for a text of one token."""
        self._split, self._tokenizer = split, tokenizer
        self._how, self._trained, self._threads = how, trained, threads
        self._weights = Arena(trained.layout, trained.flat.dtype.type)
        self._streams = EvaluationStreams(split.tokens, 1, min(WINDOW, max(1, len(split.tokens) - 1)))
        s = dataclasses.replace(s, recompute=False)
        self._network = Network(s, self._weights, self._streams.T, 1, threads=threads, backward=True)
        self._scale = np.ones_like(trained.flat)
        self._pull = np.ones_like(trained.flat)
        self._meter = Meter(split, tokenizer)
        if how.name == "rms":
            assert moments is not None
            rms = np.sqrt(moments.flat)
            mean = float(sum(np.sqrt(view).sum(dtype=np.float64) for view in moments.views.values())) / moments.count
            self._scale[...] = 1.0 / (rms + EPSILON * mean + 1e-12)
            self._pull[...] = np.minimum(rms / (mean + 1e-12), 1.0 / max(how.decay, 1e-6))

    def run(self) -> Result:
        """Predict every token but the first."""
        for _ in self.steps():
            pass
        return self.found()

    def found(self) -> Result:
        """Return what the last walk through the text came to."""
        return self._meter.result()

    def steps(self) -> Iterator[float]:
        """Walk through the text once, and yield now and then how much is done, 0 to 1."""
        self._weights.flat[...] = self._trained.flat
        self._network.reset()
        self._meter = Meter(self._split, self._tokenizer)
        streams, network = self._streams, self._network
        for k in range(streams.windows):
            x, y, weight = streams.window(k)
            if k + 1 < streams.windows:
                network.gradient(x, y)
                nll = network.nll
                network.carry()
                optim.adapt(
                    self._weights.flat, network.gradients.flat, self._trained.flat, self._scale, self._pull,
                    self._how.lr, self._how.decay, self._threads,
                )  # fmt: skip
            else:  # nothing comes after it that could be better for it
                nll = network.evaluate(x, y)
            self._meter.add(nll, y.reshape(-1), weight.reshape(-1))
            if k % 50 == 49:
                yield (k + 1) / streams.windows


def told(found: Result, how: Rule) -> dict[str, Any]:
    """Return an answer's figures."""
    return {"rule": how.name, "lr": how.lr, "decay": how.decay, "window": WINDOW, **found.as_dict()}
