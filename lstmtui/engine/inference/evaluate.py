"""How well a network predicts a text: nats per token, perplexity and bits per character, each under its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.data.batches import EvaluationStreams
from lstmtui.data.token_files import Split
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.nn.language_model import Network
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """An evaluation."""

    nll: float
    """Nats per token."""
    perplexity: float
    """exp(nll), per token."""
    bits_per_char: float | None
    """Total nats / (ln 2 * characters that were predicted); None where tokens cannot be told in characters."""
    tokens: int
    """How many were predicted."""
    unknown: float = 0.0
    """Which part of them is `<unk>`: its characters are predicted for the price of one token."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Meter:
    """Adds up what predictions cost, over the characters of the tokens that were predicted."""

    def __init__(self, split: Split, tokenizer: Tokenizer | None = None) -> None:
        """Without a tokenizer every token stands for as many characters as the mean one."""
        self._lengths = characters_of_tokens(split, tokenizer)
        self._unk = None if tokenizer is None else tokenizer.unk
        self.nats = self._characters = 0.0
        self._tokens = self._unknown = 0

    def add(self, nll: Array, predicted: Array, weight: Array) -> None:
        """Take the nats (N,) that the tokens (N,) cost, where `weight` (N,) is 1; elsewhere it is 0."""
        counted = weight.astype(np.float64)
        self.nats += float(np.dot(nll.astype(np.float64), counted))
        self._tokens += int(counted.sum())
        if self._lengths is not None:
            self._characters += float(np.dot(self._lengths[predicted], counted))
        if self._unk is not None:
            self._unknown += int(counted[predicted == self._unk].sum())

    def result(self) -> Result:
        """Return the figures of all that was added."""
        nll = self.nats / self._tokens
        return Result(
            nll=nll,
            perplexity=math.exp(min(nll, 700.0)),
            bits_per_char=self.nats / (math.log(2) * self._characters) if self._characters else None,
            tokens=self._tokens,
            unknown=self._unknown / self._tokens,
        )


def characters_of_tokens(split: Split, tokenizer: Tokenizer | None) -> Array | None:
    """Return how many characters of the text each token stands for (V,); None where it is no text.

    A word has its space. What is left of the characters of the text is divided among its unknown words, or among all.
    """
    if not split.characters:
        return None
    counts = np.bincount(np.asarray(split.tokens), minlength=tokenizer.size if tokenizer else 1 << 8)
    if tokenizer is None:
        return np.full(len(counts), split.characters / len(split.tokens))
    pieces = [tokenizer.token_bytes(i) for i in range(tokenizer.size)]
    lengths = np.array([sum(byte & 0xC0 != 0x80 for byte in piece) for piece in pieces], np.float64)
    lengths += [bool(tokenizer.joiner) and piece != b"\n" for piece in pieces]
    unk = tokenizer.unk
    if unk is not None and counts[unk]:
        known = float(lengths @ counts) - lengths[unk] * counts[unk]
        lengths[unk] = max(0.0, split.characters - known) / counts[unk]
    elif total := float(lengths @ counts):
        lengths *= split.characters / total
    return lengths


LOGITS = 8_000_000
"""Most numbers in the logits of a window that is evaluated, 32 MB of float32: more rows would not be quicker."""


def evaluation_shape(tokens: int, least: int, vocabulary: int) -> tuple[int, int]:
    """Return steps and streams in which so many tokens are read, with at least `least` streams."""
    # Few enough streams that their cold starts do not show, enough that the products are not narrow.
    B = max(least, min(32, tokens // 2000))
    return max(1, min(64, -(-(tokens - 1) // B), LOGITS // (B * vocabulary))), B


class Evaluator:
    """Evaluates one split with shared weights and buffers of its own; states are carried through it."""

    def __init__(
        self,
        s: Settings,
        weights: Arena,
        split: Split,
        tokenizer: Tokenizer | None = None,
        *,
        most: int = 0,
        threads: int,
        streams: int = 1,
    ) -> None:
        """Raises UsageError for a split of one token.

        most       above 0, predict only that many tokens, from all over the split
        streams    at least so many; without it, figures depend on the text alone and on no machine's threads
        """
        self._split, self._tokenizer = split, tokenizer
        tokens = min(most + 1, len(split.tokens)) if most else len(split.tokens)
        T, B = evaluation_shape(tokens, streams, len(weights["embedding"]))
        self._streams = EvaluationStreams(split.tokens, B, T, max_predictions=most)
        self._network = Network(s, weights, T, B, threads=threads, backward=False)

    @property
    def predictions(self) -> int:
        return self._streams.predictions

    def run(self, between: Callable[[], None] = lambda: None) -> Result:
        """Predict every token but the first; `between` is called after each window, so that requests get through."""
        meter = Meter(self._split, self._tokenizer)
        self._network.reset()
        for k in range(self._streams.windows):
            x, y, weight = self._streams.window(k)
            nll = self._network.evaluate(x, y)
            meter.add(nll, y.reshape(-1), weight.reshape(-1))
            self._network.carry()
            between()
        return meter.result()
