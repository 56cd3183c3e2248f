"""How well a network predicts a text: nats per token, perplexity and bits per character, each under its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.data.batches import EvaluationStreams
from lstmtui.data.corpus import Split
from lstmtui.engine.model import Network
from lstmtui.engine.params import Arena


@dataclass(frozen=True, slots=True)
class Result:
    """An evaluation."""

    nll: float
    """Nats per token."""
    perplexity: float
    """exp(nll), per token."""
    bits_per_char: float | None
    """Total nats / (ln 2 * characters); None where tokens cannot be told in characters."""
    tokens: int
    """How many were predicted."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def result(nll: float, tokens: int, split: Split) -> Result:
    """Return the figures of `tokens` predictions at `nll` nats each on `split`, or on a part of it."""
    characters = split.characters
    per_token = characters / len(split.tokens) if characters else None
    return Result(
        nll=nll,
        perplexity=math.exp(min(nll, 700.0)),
        bits_per_char=nll / (math.log(2) * per_token) if per_token else None,
        tokens=tokens,
    )


LOGITS = 8_000_000
"""Most numbers in the logits of a window that is evaluated, 32 MB of float32: more rows would not be quicker."""


def evaluation_shape(tokens: int, threads: int, vocabulary: int) -> tuple[int, int]:
    """Return steps and streams in which so many tokens are read."""
    # Few enough streams that their cold starts do not show, enough that the products are not narrow.
    B = max(threads, min(32, tokens // 2000))
    return max(1, min(64, -(-(tokens - 1) // B), LOGITS // (B * vocabulary))), B


class Evaluator:
    """Evaluates one split with shared weights and buffers of its own; states are carried through it."""

    def __init__(self, s: Settings, weights: Arena, split: Split, *, most: int = 0, threads: int) -> None:
        """`most` > 0 predicts only that many tokens, from all over the split. Raises UsageError for a split of one
        token."""
        self._split = split
        tokens = min(most + 1, len(split.tokens)) if most else len(split.tokens)
        T, B = evaluation_shape(tokens, threads, len(weights["embedding"]))
        self._streams = EvaluationStreams(split.tokens, B, T, most=most)
        self._network = Network(s, weights, T, B, threads=threads, backward=False)

    @property
    def predictions(self) -> int:
        return self._streams.predictions

    def run(self, between: Callable[[], None] = lambda: None) -> Result:
        """Predict every token but the first; `between` is called after each window, so that requests get through."""
        total = 0.0
        self._network.reset()
        for k in range(self._streams.windows):
            x, y, weight = self._streams.window(k)
            nll = self._network.evaluate(x, y)
            total += float(np.dot(nll.astype(np.float64), weight.reshape(-1).astype(np.float64)))
            self._network.carry()
            between()
        return result(total / self.predictions, self.predictions, self._split)
