"""Evaluation of a network on a text: nats per token, perplexity and bits per character."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.batches import EvaluationStreams
from lstmtui.data.token_files import Split
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]

MAX_LOGITS = 8_000_000
"""Logits of one evaluated window, 32 MB of float32; wider windows are no faster."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of an evaluation."""

    nll: float
    """Nats per token."""
    perplexity: float
    """exp(nll), per token."""
    bits_per_char: float | None
    """Total nats / (ln 2 * predicted characters); None for tokens without characters."""
    tokens: int
    """The number of predicted tokens."""
    unknown: float = 0.0
    """The fraction of `<unk>` among them, whose characters are predicted for the cost of one token."""

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


class LossMeter:
    """Sums losses and the characters of the predicted tokens."""

    def __init__(self, split: Split, tokenizer: Tokenizer | None = None) -> None:
        """Without a tokenizer, every token counts as the mean number of characters."""
        self._lengths = characters_per_token(split, tokenizer)
        self._unk = None if tokenizer is None else tokenizer.unk
        self.nats = self._characters = 0.0
        self._tokens = self._unknown = 0

    def add(self, nll: Array, targets: Array, weight: Array) -> None:
        """Add the losses (N,) in nats of the `targets` (N,) whose `weight` (N,) is 1, not 0."""
        counted = weight.astype(np.float64)
        self.nats += float(np.dot(nll.astype(np.float64), counted))
        self._tokens += int(counted.sum())
        if self._lengths is not None:
            self._characters += float(np.dot(self._lengths[targets], counted))
        if self._unk is not None:
            self._unknown += int(counted[targets == self._unk].sum())

    def result(self) -> Evaluation:
        """Return the figures of everything added."""
        nll = self.nats / self._tokens
        return Evaluation(
            nll=nll,
            perplexity=math.exp(min(nll, 700.0)),
            bits_per_char=self.nats / (math.log(2) * self._characters) if self._characters else None,
            tokens=self._tokens,
            unknown=self._unknown / self._tokens,
        )


def characters_per_token(split: Split, tokenizer: Tokenizer | None) -> Array | None:
    """Return the number of characters of each token (V,); None for tokens without characters.

    A word counts with its space. The characters that known tokens do not account for are divided among the unknown
    words, or else among all tokens.
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


def evaluation_shape(tokens: int, min_streams: int, vocabulary: int) -> tuple[int, int]:
    """Return T and B for reading `tokens` tokens in at least `min_streams` streams."""
    # Few enough streams that their initial states do not matter, enough that the matrix products are not narrow.
    B = max(min_streams, min(32, tokens // 2000))
    return max(1, min(64, -(-(tokens - 1) // B), MAX_LOGITS // (B * vocabulary))), B


class Evaluator:
    """Evaluates shared weights on one split, with buffers of its own; states are carried through the split."""

    def __init__(
        self,
        s: RunSettings,
        weights: Arena,
        split: Split,
        tokenizer: Tokenizer | None = None,
        *,
        max_tokens: int = 0,
        threads: int,
        streams: int = 1,
    ) -> None:
        """Raises UsageError for a split of one token.

        max_tokens    above 0, predict only this many tokens, spread over the split
        streams       the minimum number of streams; by default the figures do not depend on the machine's threads
        """
        self._split, self._tokenizer = split, tokenizer
        tokens = min(max_tokens + 1, len(split.tokens)) if max_tokens else len(split.tokens)
        T, B = evaluation_shape(tokens, streams, len(weights["embedding"]))
        self._streams = EvaluationStreams(split.tokens, B, T, max_predictions=max_tokens)
        self._network = LanguageModel(s, weights, T, B, threads=threads, backward=False)

    @property
    def predictions(self) -> int:
        """The number of tokens that `run` predicts."""
        return self._streams.predictions

    def run(self, between: Callable[[], None] = lambda: None) -> Evaluation:
        """Predict every token but the first. `between` is called after each window, and may raise."""
        meter = LossMeter(self._split, self._tokenizer)
        self._network.reset()
        for k in range(self._streams.windows):
            x, y, weight = self._streams.window(k)
            nll = self._network.evaluate(x, y)
            meter.add(nll, y.reshape(-1), weight.reshape(-1))
            self._network.carry()
            between()
        return meter.result()
