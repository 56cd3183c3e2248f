"""Sampling of text from a network: temperature, top-k and top-p."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.backend import sampling
from lstmtui.engine.inference import prompt as prompts
from lstmtui.engine.inference.prompt import prompt_tokens
from lstmtui.engine.inference.token_index import TokenIndex
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]

CALL_TOKENS = 16
"""Tokens that are sampled in one call: a few milliseconds, so that text appears as it is sampled."""


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How tokens are drawn. Temperature 0 takes the most probable token."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0

    def check(self) -> None:
        """Raise UsageError for values out of range; `top_k` beyond the vocabulary means all of it."""
        if not math.isfinite(self.temperature) or self.temperature < 0:
            raise UsageError(f"The temperature must be a finite number, 0 or more, not {self.temperature}.")
        if self.top_k < 0:
            raise UsageError(f"top-k must be 0 (all tokens) or more, not {self.top_k}.")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top-p must be above 0 and at most 1, not {self.top_p}.")


def probabilities(logits: Array, options: SamplingOptions) -> Array:
    """Return the distribution (V,) float64 that tokens are drawn from."""
    p = np.empty(len(logits))
    sampling.distribution(logits, float(options.temperature), options.top_k, float(options.top_p), -1, p)
    return p


def draw(logits: Array, options: SamplingOptions, uniform: float) -> int:
    """Return an index into `logits` (N,), drawn with a random number in [0, 1): for single draws, without a kernel."""
    order = np.argsort(-logits, kind="stable")[: options.top_k or len(logits)]
    if options.temperature == 0:
        return int(order[0])
    likely = logits[order].astype(np.float64)
    cumulative = np.cumsum(np.exp((likely - likely[0]) / options.temperature))
    if options.top_p < 1:
        cumulative = cumulative[: 1 + int(np.searchsorted(cumulative, options.top_p * cumulative[-1]))]
    at = int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
    return int(order[min(len(cumulative) - 1, at)])


class Drawn(NamedTuple):
    """A token, and its surprise: -ln of the probability that the network gave it, at temperature 1."""

    token: int
    nats: float


class Piece(NamedTuple):
    """Text of one token or, where characters have several tokens, of some, and their surprise together."""

    text: str
    bits: float


class PieceWriter:
    """Turns the tokens that continue a prompt into text, as they are drawn."""

    def __init__(self, tokenizer: Tokenizer, prompt: str, spelled: int = 0) -> None:
        """The first `spelled` bytes of the tokens are the end of the prompt, which is not written again."""
        self._tokenizer, self._spelled = tokenizer, spelled
        self._before = prompt.encode("utf-8", "surrogatepass")
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def text(self, token: int) -> str:
        """Return the text that `token` adds; empty within a character or the prompt."""
        data = self._tokenizer.token_bytes(token)
        if self._spelled:
            new = data[self._spelled :]
            self._spelled -= min(self._spelled, len(data))
        else:
            new = self._tokenizer.between(self._before, data) + data if self._before else data
        self._before = data
        return self._decoder.decode(new)

    def rest(self) -> str:
        """Return U+FFFD for a character that was begun and is not complete, else nothing."""
        return self._decoder.decode(b"", final=True)


class Sampler:
    """Samples one text over shared weights."""

    def __init__(
        self, s: RunSettings, weights: Arena, tokenizer: Tokenizer, reader: IncrementalModel | None = None
    ) -> None:
        """`reader` is a network of these weights that several samplers share, one after another."""
        self._tokenizer = tokenizer
        self._reader = reader or IncrementalModel(s, weights)

    @cached_property
    def _token_index(self) -> TokenIndex:
        return TokenIndex(self._tokenizer)

    def unfinished_word(self, prompt: str) -> bytes:
        """Return the end of `prompt` that the first tokens spell again, and may continue."""
        return prompts.unfinished_word(self._tokenizer, self._token_index, prompt.encode("utf-8", "surrogatepass"))

    def tokens_before(self, prompt: str, word: bytes) -> Array:
        """Return the tokens (N,) int32, at least one, to read before `word`, the unfinished one of `prompt`."""
        data = prompt.encode("utf-8", "surrogatepass")
        return prompt_tokens(self._tokenizer, data[: len(data) - len(word)].decode("utf-8", "surrogatepass"))

    def tokens(self, prompt: str, options: SamplingOptions, random: np.random.Generator) -> Iterator[int]:
        """Yield tokens without end, after reading `prompt`; without one, as at the beginning of a line.

        The first tokens spell the unfinished word of the prompt.
        """
        return (drawn.token for drawn in self._draw(prompt, options, random))

    def _draw(self, prompt: str, options: SamplingOptions, random: np.random.Generator) -> Iterator[Drawn]:
        options.check()
        self._reader.load()  # training may have changed the weights
        self._reader.reset()
        word = self.unfinished_word(prompt)
        self._reader.read(self.tokens_before(prompt, word).reshape(-1, 1))
        yield from self.following(word, options, random, at_beginning=not prompt)

    def following(
        self,
        word: bytes,
        options: SamplingOptions,
        random: np.random.Generator,
        *,
        at_beginning: bool = False,
        at_once: int = CALL_TOKENS,
    ) -> Iterator[Drawn]:
        """Yield tokens without end after those that have been read, first a spelling of `word`.

        at_beginning    nothing was written before
        at_once         tokens that are drawn in one call; with 1, the logits are those of the next token
        """
        logits = self._reader.logits[0].copy()
        if word:
            yield from self._spell(word, logits, options, random)
        elif at_beginning and self._tokenizer.kind == "bpe":
            yield self._draw_among(prompts.initial_tokens(self._token_index), logits, options, random)
        unk = -1 if self._tokenizer.unk is None else self._tokenizer.unk  # a placeholder is no text
        while True:
            uniform = random.random(at_once)
            drawn = self._reader.generate(uniform, options.temperature, options.top_k, options.top_p, unk)
            yield from map(Drawn, drawn.tolist(), self._reader.nats.tolist())

    def _draw_among(
        self, allowed: Array, logits: Array, options: SamplingOptions, random: np.random.Generator
    ) -> Drawn:
        """Draw one of the `allowed` tokens, and read it."""
        token = int(allowed[draw(logits[allowed], options, random.random())])
        self._reader.read(np.array([[token]], np.int32))
        return Drawn(token, _nats(logits, token))

    def _spell(
        self, word: bytes, logits: Array, options: SamplingOptions, random: np.random.Generator
    ) -> Iterator[Drawn]:
        """Draw a spelling of `word`: a token that begins with it, or its own tokens. Read and yield the tokens."""
        tokens = self._tokenizer.encode(word)
        covering = self._token_index.covering(word)
        if self._token_index.whole_words or len(tokens) == 1:
            yield self._draw_among(covering, logits, options, random)
            return
        reader, total = self._reader, np.logaddexp.reduce(logits.astype(np.float64))
        h, c = reader.h.copy(), reader.c.copy()
        own, after = list[Drawn](), logits
        for token in tokens.tolist():
            own.append(Drawn(token, _nats(after, token)))
            after = reader.read(np.array([[token]], np.int32))[0].copy()
        candidates = np.append(logits[covering], np.float32(total - sum(drawn.nats for drawn in own)))
        chosen = draw(candidates, options, random.random())
        if chosen == len(covering):
            yield from own
            return
        reader.h[...], reader.c[...] = h, c
        token = int(covering[chosen])
        reader.read(np.array([[token]], np.int32))
        yield Drawn(token, _nats(logits, token))

    def pieces(
        self, prompt: str, length: int, options: SamplingOptions, random: np.random.Generator
    ) -> Iterator[Piece]:
        """Yield text in pieces until it has at least `length` characters; the last token is not cut."""
        tokens = self._draw(prompt, options, random)
        writer = PieceWriter(self._tokenizer, prompt, len(self.unfinished_word(prompt)))
        written, nats = 0, 0.0
        while written < length:
            drawn = next(tokens)
            nats += drawn.nats
            if piece := writer.text(drawn.token):
                written += len(piece)
                yield Piece(piece, nats / math.log(2))
                nats = 0.0
        if rest := writer.rest():
            yield Piece(rest, nats / math.log(2))

    def written(
        self,
        prompt: str,
        length: int,
        options: SamplingOptions,
        random: np.random.Generator,
        between: Callable[[], object] = lambda: None,
    ) -> list[Piece]:
        """Return text of at least `length` characters. `between` is called before each piece, and may raise."""
        pieces = []
        for piece in self.pieces(prompt, length, options, random):
            between()
            pieces.append(piece)
        return pieces

    def text(self, prompt: str, length: int, options: SamplingOptions, random: np.random.Generator) -> str:
        """Return text of at least `length` characters."""
        return joined(self.pieces(prompt, length, options, random))


def joined(pieces: Iterable[Piece]) -> str:
    """Return the text of pieces."""
    return "".join(piece.text for piece in pieces)


def surprise_fields(pieces: Iterable[Piece], *, skipped: int = 0) -> dict[str, Any]:
    """Return the surprise of a text, as a record of it has it, without its first `skipped` characters.

    bits    of each piece
    pieces  the characters of each; missing where all have one
    """
    lengths, bits = [], []
    for piece in pieces:
        cut = min(skipped, len(piece.text))
        skipped -= cut
        if len(piece.text) > cut:
            lengths.append(len(piece.text) - cut)
            bits.append(round(piece.bits, 2))
    return {"bits": bits} if all(length == 1 for length in lengths) else {"bits": bits, "pieces": lengths}


def _nats(logits: Array, token: int) -> float:
    return float(np.logaddexp.reduce(logits.astype(np.float64))) - float(logits[token])
