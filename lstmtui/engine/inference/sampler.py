"""Text from a network: temperature, top-k and top-p."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.backend import sampling
from lstmtui.engine.inference import begun_word
from lstmtui.engine.inference.token_index import Spelling
from lstmtui.engine.nn.incremental import Reader
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]


PIECE = 16
"""Tokens that are written in one call: some milliseconds' worth, so that text appears as it is written."""


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How a token is drawn. Temperature 0 takes the likeliest."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0

    def check(self) -> None:
        """Raise UsageError for what cannot be drawn from; `top_k` beyond the vocabulary means all of it."""
        if not math.isfinite(self.temperature) or self.temperature < 0:
            raise UsageError(f"The temperature must be a finite number, 0 or more, not {self.temperature}.")
        if self.top_k < 0:
            raise UsageError(f"top-k must be 0 (all tokens) or more, not {self.top_k}.")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top-p must be above 0 and at most 1, not {self.top_p}.")


def probabilities(logits: Array, choice: SamplingOptions) -> Array:
    """Return the distribution (V,) float64 to draw from."""
    p = np.empty(len(logits))
    sampling.distribution(logits, float(choice.temperature), choice.top_k, float(choice.top_p), -1, p)
    return p


def drawn(logits: Array, choice: SamplingOptions, uniform: float) -> int:
    """Return where a random number in [0, 1) falls among `logits` (N,): the few draws that no kernel is worth."""
    order = np.argsort(-logits, kind="stable")[: choice.top_k or len(logits)]
    if choice.temperature == 0:
        return int(order[0])
    likely = logits[order].astype(np.float64)
    reached = np.cumsum(np.exp((likely - likely[0]) / choice.temperature))
    if choice.top_p < 1:
        reached = reached[: 1 + int(np.searchsorted(reached, choice.top_p * reached[-1]))]
    return int(order[min(len(reached) - 1, int(np.searchsorted(reached, uniform * reached[-1], side="right")))])


class Sampler:
    """One stream of text over shared weights."""

    def __init__(self, s: Settings, weights: Arena, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._reader = Reader(s, weights)

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self._tokenizer)

    def unfinished(self, prompt: str) -> bytes:
        """Return the end of `prompt` that the first tokens spell once more, and may go on with."""
        return begun_word.unfinished(self._tokenizer, self._spelling, prompt.encode("utf-8", "surrogatepass"))

    def tokens(self, prompt: str, choice: SamplingOptions, random: np.random.Generator) -> Iterator[int]:
        """Yield tokens without end, after reading `prompt` (or, without one, what begins a line).

        The first of them spell what is `unfinished` in it.
        """
        choice.check()
        self._reader.load()  # they may have been trained since
        self._reader.reset()
        owed = self.unfinished(prompt)
        data = prompt.encode("utf-8", "surrogatepass")
        read = data[: len(data) - len(owed)].decode("utf-8", "surrogatepass")
        logits = self._reader.read(opening(self._tokenizer, read).reshape(-1, 1))[0].copy()
        if owed:
            yield from self._finish(owed, logits, choice, random)
        elif not prompt and self._tokenizer.kind == "bpe":
            yield self._among(begun_word.begin_text(self._spelling), logits, choice, random)
        unk = -1 if self._tokenizer.unk is None else self._tokenizer.unk  # a placeholder is no text
        while True:
            written = self._reader.write(random.random(PIECE), choice.temperature, choice.top_k, choice.top_p, unk)
            yield from written.tolist()

    def _among(self, allowed: Array, logits: Array, choice: SamplingOptions, random: np.random.Generator) -> int:
        """Draw one of the `allowed` tokens, and read it."""
        token = int(allowed[drawn(logits[allowed], choice, random.random())])
        self._reader.read(np.array([[token]], np.int32))
        return token

    def _finish(
        self, owed: bytes, logits: Array, choice: SamplingOptions, random: np.random.Generator
    ) -> Iterator[int]:
        """Draw how `owed` is spelt: by a token that it begins, or by its own tokens; and read that."""
        tokens = self._tokenizer.encode(owed)
        covering = self._spelling.covering(owed)
        if self._spelling.whole_words or len(tokens) == 1:
            yield self._among(covering, logits, choice, random)
            return
        reader, total = self._reader, np.logaddexp.reduce(logits.astype(np.float64))
        h, c = reader.h.copy(), reader.c.copy()
        alone, after = 0.0, logits
        for token in tokens:
            alone += float(after[token]) - float(np.logaddexp.reduce(after.astype(np.float64)))
            after = reader.read(np.array([[token]], np.int32))[0].copy()
        ways = np.append(logits[covering], np.float32(alone + total))
        chosen = drawn(ways, choice, random.random())
        if chosen == len(covering):
            yield from tokens.tolist()
            return
        reader.h[...], reader.c[...] = h, c
        token = int(covering[chosen])
        reader.read(np.array([[token]], np.int32))
        yield token

    def pieces(self, prompt: str, length: int, choice: SamplingOptions, random: np.random.Generator) -> Iterator[str]:
        """Yield text piece by piece until it has `length` characters; the last token is written whole."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        tokenizer = self._tokenizer
        drawn = self.tokens(prompt, choice, random)
        before, owed = prompt.encode("utf-8", "surrogatepass"), len(self.unfinished(prompt))
        written = 0
        while written < length:
            data = tokenizer.token_bytes(next(drawn))
            if owed:  # what the prompt has already
                piece = decoder.decode(data[owed:])
                owed -= min(owed, len(data))
            else:
                piece = decoder.decode(tokenizer.between(before, data) + data if before else data)
            before = data
            if piece:
                written += len(piece)
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def text(
        self,
        prompt: str,
        length: int,
        choice: SamplingOptions,
        random: np.random.Generator,
        between: Callable[[], object] = lambda: None,
    ) -> str:
        """Return text of `length` characters; the last token is written whole. `between` tokens may raise."""
        pieces = []
        for piece in self.pieces(prompt, length, choice, random):
            between()
            pieces.append(piece)
        return "".join(pieces)


def opening(tokenizer: Tokenizer, prompt: str) -> Array:
    """Return the tokens to read before the first is drawn: the prompt's, or a line end's, or the vocabulary's first."""
    for text in (prompt, "\n"):
        if text:
            tokens = tokenizer.encode(text.encode("utf-8", "surrogatepass"))
            if tokenizer.unk is not None:
                tokens = tokens[tokens != tokenizer.unk] if text == "\n" else tokens
            if len(tokens):
                return tokens
    return np.zeros(1, np.int32)
