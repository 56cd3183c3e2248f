"""Beam search: the best translations that a model knows of several sources at once.

A hypothesis of |Y| tokens, its end included, has the score log P(Y | X) / ((5 + |Y|) / 6) ^ alpha (Wu et al. 2016,
arXiv:1609.08144, equation 14). Of all continuations of a source's hypotheses the most probable stay, as many as the
beam is wide; one that has ended keeps its place. The search of a source goes on until none of its live hypotheses can
reach a better score than what has been found. So a beam of 1 is greedy search, and no better translation that has
ended is lost.

Given tokens of the target stand, and the rest follows them; they count in the score. After them a word may have begun:
then the tokens that come first must write it, in whatever way is the most probable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

BLOCK = 64
"""Values of a block of `largest`."""


class StepModel(Protocol):
    """Writes `width` hypotheses of each of `sentences` sources, one token after the other."""

    sentences: int
    width: int

    def begin(self, source: Array, lengths: Array) -> None:
        """Encode sources (S, b) of these lengths (b,)."""
        ...

    def step(self, tokens: Array) -> tuple[Array, Array]:
        """Read a token of each hypothesis; return log probabilities (sentences * width, V) and attention (.., S)."""
        ...

    def reorder(self, rows: Array) -> None:
        """Continue hypothesis n from the states of hypothesis rows[n]."""
        ...


class Prefix(NamedTuple):
    """How a translation begins."""

    tokens: Sequence[int] = ()
    rest: bytes = b""
    """Text that the tokens after them write first, and may go beyond: a word that has begun."""


NO_PREFIX = Prefix()


class TokenTexts(Protocol):
    """The tokens of a vocabulary by their text."""

    @property
    def pieces(self) -> Sequence[bytes]:
        """The text of each token."""
        ...

    def covering(self, text: bytes) -> Array:
        """Return the tokens that begin with `text`."""
        ...

    def proper_prefixes(self, text: bytes) -> list[int]:
        """Return the tokens that are proper prefixes of `text`."""
        ...


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search."""

    beam: int = 5
    """Hypotheses of a source; 1 is greedy search."""
    alpha: float = 1.0
    """Length penalty: 0 for none, larger for longer translations."""
    nbest: int = 1
    """Translations of each source; at most `beam`."""
    max_length: int | None = None
    """Tokens of a translation at most, its end included; None for twice the source and 10."""


DEFAULT = SearchOptions()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation."""

    tokens: tuple[int, ...]
    """The end included."""
    log_probability: float
    score: float
    alignment: Array
    """(tokens, source tokens): what each token has read of the source."""


@dataclass(frozen=True, slots=True)
class _Node:
    """The last token of a hypothesis, and what comes before it."""

    token: int
    log_probability: float
    parent: _Node | None
    attention: Array
    rest: bytes
    """What of its prefix is still to be written."""


def length_penalty(length: int, alpha: float) -> float:
    """Return what the log probability of a hypothesis of `length` tokens is divided by."""
    return float(((5 + length) / 6) ** alpha)


def search(
    model: StepModel,
    source: Array,
    lengths: Array,
    *,
    end: int,
    options: SearchOptions = DEFAULT,
    prefixes: Sequence[Prefix] | None = None,
    texts: TokenTexts | None = None,
) -> list[list[Hypothesis]]:
    """Return the best translations of each source, the best first; there may be fewer than `nbest`.

    source    (S, b)  int32, b at most the model's sentences
    lengths   (b,)    int32
    end       the token that ends a translation, and that the decoder reads first
    prefixes  how each translation begins; none without
    texts     of the tokens, for prefixes with a `rest`; a source whose rest no tokens write has no translation

    Raises ValueError for options that contradict each other or the model, and for a prefix with `end` in it.
    """
    prefixes = [NO_PREFIX] * len(lengths) if prefixes is None else prefixes
    _check(model, options, prefixes, end)
    beams = [_Beam(options, end, prefix, int(length), texts) for prefix, length in zip(prefixes, lengths, strict=True)]
    model.begin(source, lengths)
    rows = np.arange(model.sentences * model.width)
    while any(beam.live for beam in beams):
        tokens = np.full(len(rows), end, np.int32)
        for n, beam in enumerate(beams):
            tokens[n * model.width : n * model.width + len(beam.live)] = [node.token for node in beam.live]
        log_p, attention = model.step(tokens)
        order = rows.copy()
        for n, beam in enumerate(beams):
            first = n * model.width
            of_beam = slice(first, first + len(beam.live))
            parents = beam.extend(log_p[of_beam], attention[of_beam]) if beam.live else []
            order[first : first + len(parents)] = [first + parent for parent in parents]
        if (order != rows).any():
            model.reorder(order)
    return [beam.best() for beam in beams]


def _check(model: StepModel, options: SearchOptions, prefixes: Sequence[Prefix], end: int) -> None:
    if not 1 <= options.nbest <= options.beam <= model.width:
        raise ValueError(f"{options.nbest} best of a beam of {options.beam}, for a model of {model.width} hypotheses")
    if options.alpha < 0:
        raise ValueError(f"a length penalty of {options.alpha}, which is below 0")
    if any(end in prefix.tokens for prefix in prefixes):
        raise ValueError("a prefix with the end of a translation in it")


def _limit(options: SearchOptions, source_length: int, prefix: Prefix) -> int:
    """Return the tokens that a translation has at most; a prefix leaves room for the end."""
    limit = 2 * source_length + 10 if options.max_length is None else options.max_length
    return max(limit, len(prefix.tokens) + len(prefix.rest) + 1)


def largest(values: Array, count: int) -> Array:
    """Return the places of the `count` largest of `values` (n,), the largest first and the first of equal ones.

    None of them is below the `count`-th largest of the maxima of blocks, which leaves few to sort.
    """
    whole = values[: len(values) // BLOCK * BLOCK].reshape(-1, BLOCK)
    if len(whole) > count:
        maxima = whole.max(axis=1)
        candidates = np.flatnonzero(values >= np.partition(maxima, -count)[-count])
    else:
        candidates = np.arange(len(values))
    return candidates[np.lexsort((candidates, -values[candidates]))][:count]


class _Beam:
    """The search for one source."""

    def __init__(
        self, options: SearchOptions, end: int, prefix: Prefix, source_length: int, texts: TokenTexts | None
    ) -> None:
        self._options, self._end, self._prefix, self._source_length = options, end, prefix, source_length
        self._limit, self._texts = _limit(options, source_length, prefix), texts
        self.live = [_Node(end, 0.0, None, np.zeros(0), prefix.rest)]
        self._length = 0
        """Tokens of each live hypothesis."""
        self._ended: list[tuple[float, int, _Node]] = []
        """Score, order of arrival and last token, best first."""

    def extend(self, log_p: Array, attention: Array) -> list[int]:
        """Go on by a token, and return for each live hypothesis then which one it continues.

        log_p, attention  (live, V) and (live, S), of the live hypotheses in their order
        """
        scores = np.array([node.log_probability for node in self.live])[:, None] + log_p
        parents: list[int] = []
        live: list[_Node] = []
        self._length += 1
        for parent, token in self._choose(scores):
            read = attention[parent, : self._source_length].copy()
            rest = self._rest_after(self.live[parent].rest, token)
            node = _Node(token, float(scores[parent, token]), self.live[parent], read, rest)
            if token == self._end:
                self._ended.append((self._score(node.log_probability, self._length), -len(self._ended), node))
            else:
                live.append(node)
                parents.append(parent)
        self._ended.sort(key=lambda ended: ended[:2], reverse=True)
        self.live = live if live and self._can_win(live) else []
        return parents if self.live else []

    def _choose(self, scores: Array) -> list[tuple[int, int]]:
        """Return hypothesis and token of the most probable continuations, the best first."""
        forced = self._forced()
        if forced is not None:
            return [(k, forced) for k in range(len(scores))]
        self._keep_allowed(scores)
        flat = scores.reshape(-1)
        found = largest(flat, self._options.beam - len(self._ended))
        return [(int(at) // scores.shape[1], int(at) % scores.shape[1]) for at in found if flat[at] > -np.inf]

    def _keep_allowed(self, scores: Array) -> None:
        """Set the scores of tokens that contradict the rest of a prefix to minus infinity."""
        for node, row in zip(self.live, scores, strict=True):
            if node.rest and self._texts is not None:
                allowed = np.array([*self._texts.covering(node.rest), *self._texts.proper_prefixes(node.rest)], int)
                kept = row[allowed]
                row[:] = -np.inf
                row[allowed] = kept

    def _rest_after(self, rest: bytes, token: int) -> bytes:
        """Return what is still to be written after `token`."""
        if not rest or self._texts is None or self._length <= len(self._prefix.tokens):
            return rest
        return rest[len(self._texts.pieces[token]) :]

    def _forced(self) -> int | None:
        """Return the only token that may come now, if there is one."""
        if self._length <= len(self._prefix.tokens):
            return int(self._prefix.tokens[self._length - 1])
        return self._end if self._length >= self._limit else None

    def _can_win(self, live: list[_Node]) -> bool:
        """Return whether a live hypothesis may still get among the best: every further token makes it less probable."""
        if len(self._ended) < self._options.nbest:
            return True
        highest = max(node.log_probability for node in live)
        return self._score(highest, self._limit) > self._ended[self._options.nbest - 1][0]

    def _score(self, log_probability: float, length: int) -> float:
        return log_probability / length_penalty(length, self._options.alpha)

    def best(self) -> list[Hypothesis]:
        """Return the best that have ended."""
        return [_hypothesis(score, node) for score, _, node in self._ended[: self._options.nbest]]


def _hypothesis(score: float, last: _Node) -> Hypothesis:
    nodes, node = [], last
    while node.parent is not None:
        nodes.append(node)
        node = node.parent
    nodes.reverse()
    alignment = np.stack([node.attention for node in nodes])
    return Hypothesis(tuple(node.token for node in nodes), last.log_probability, score, alignment)
