"""Beam search: the best translations that a model knows of several sources at once.

A hypothesis of |Y| tokens, its end included, has the score log P(Y | X) / ((5 + |Y|) / 6) ^ alpha (Wu et al. 2016,
arXiv:1609.08144, equation 14). Of all continuations of a source's hypotheses the most probable stay, as many as the
beam is wide; one that has ended keeps its place. The search of a source goes on until none of its live hypotheses can
reach a better score than what has been found. So a beam of 1 is greedy search, and no better translation that has
ended is lost.

Hypotheses of all sources are rows of one batch; those that have ended, and all of a source whose search is over, leave
it.

Given tokens of the target stand, and the rest follows them; they count in the score. After them a word may have begun:
then the tokens that come first must write it, in whatever way is the most probable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from lstmtui.engine.nn.incremental_decoder import Following

Array = np.ndarray[Any, Any]


class StepModel(Protocol):
    """Writes hypotheses of several sources, one token after the other."""

    sentences: int
    """Sources at most."""
    width: int
    """Hypotheses of a source at most."""

    def begin(self, source: Array, lengths: Array) -> None:
        """Encode sources (S, b) of these lengths (b,), with one hypothesis of each."""
        ...

    def step(self, tokens: Array) -> Following:
        """Read a token of each hypothesis (n,), and return what may follow, as many tokens as `width` at least."""
        ...

    def log_p(self, row: int, tokens: Array) -> Array:
        """Return the log probabilities of some tokens (k,) after a hypothesis, of the last step."""
        ...

    def reorder(self, rows: Array) -> None:
        """Go on with len(rows) hypotheses, number n from the states of rows[n]."""
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
    prefix_probability: float | None
    """The geometric mean of the probabilities of the tokens that write its prefix; None without one."""


class _Step(NamedTuple):
    """What one step of all searches has written: a row for each hypothesis that was continued, ended ones included."""

    tokens: Array
    parents: Array
    """The row of the step before that each continues."""
    log_p: Array
    """Of each hypothesis from its beginning."""
    attention: Array
    """(rows, S)"""


class _Ended(NamedTuple):
    """A translation that has ended."""

    score: float
    log_probability: float
    step: int
    row: int


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
    beams = _Beams(model, options, end, prefixes, lengths, texts)
    model.begin(source, lengths)
    while len(beams.tokens):
        rows = beams.extend(model.step(beams.tokens))
        if len(rows):
            model.reorder(rows)
    return beams.best()


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


class _Beams:
    """The searches for all sources of a batch."""

    def __init__(
        self, model: StepModel, options: SearchOptions, end: int, prefixes: Sequence[Prefix], lengths: Array,
        texts: TokenTexts | None,
    ) -> None:  # fmt: skip
        self._model, self._options, self._end, self._texts = model, options, end, texts
        self._prefixes, self._lengths, B = prefixes, lengths, len(lengths)
        self._limits = np.array([_limit(options, int(n), prefix) for n, prefix in zip(lengths, prefixes, strict=True)])
        self._forced = np.array([len(prefix.tokens) for prefix in prefixes], int)
        """Tokens that are given."""
        self._steps: list[_Step] = []
        self._ended: list[list[_Ended]] = [[] for _ in lengths]
        """Of each source, the best first."""
        self._room = np.full(B, options.beam)
        """Hypotheses that may go on, of each source."""
        self._to_beat = np.full(B, -np.inf)
        """The score that a source's live hypotheses must be able to beat."""
        self._longest = np.array([length_penalty(int(limit), options.alpha) for limit in self._limits])
        # Of each live hypothesis, those of a source side by side.
        self.tokens = np.full(B, end, np.int32)
        self._sources, self._log_p, self._rows = np.arange(B), np.zeros(B), np.zeros(B, int)
        self._rests = [prefix.rest if texts is not None else b"" for prefix in prefixes]
        """What of its prefix is still to be written; where nothing is of any, there may be more than hypotheses."""

    def extend(self, following: Following) -> Array:
        """Go on by a token, and return for each live hypothesis then which one it continues."""
        length = len(self._steps) + 1
        tokens, log_p = following.tokens[:, : self._options.beam], following.log_p[:, : self._options.beam]
        tokens, log_p = self._constrained(tokens, log_p, length)
        scores = self._log_p[:, None] + log_p
        parents, places = self._most_probable(scores)
        chosen, reached, sources = tokens[parents, places], scores[parents, places], self._sources[parents]
        self._steps.append(_Step(chosen, self._rows[parents], reached, following.attention[parents]))
        for row in np.flatnonzero(chosen == self._end):
            self._end_one(int(sources[row]), float(reached[row]), int(row))
        live = np.flatnonzero((chosen != self._end) & self._can_win(sources, reached, chosen != self._end))
        if any(self._rests):
            self._rests = [self._rest_after(int(parents[row]), int(chosen[row]), length) for row in live]
        self.tokens, self._sources, self._log_p, self._rows = chosen[live], sources[live], reached[live], live
        return parents[live]

    def _most_probable(self, scores: Array) -> tuple[Array, Array]:
        """Return hypothesis and place of the most probable continuations of each source, the best first.

        scores  (n, K), minus infinity for what cannot follow
        """
        sources = np.repeat(self._sources, scores.shape[1])
        order = np.lexsort((-scores.reshape(-1), sources))  # stable: of equal ones the first
        ordered = sources[order]
        rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
        kept = order[(rank < self._room[ordered]) & (scores.reshape(-1)[order] > -np.inf)]
        return kept // scores.shape[1], kept % scores.shape[1]

    def _end_one(self, source: int, log_probability: float, row: int) -> None:
        """Keep a translation that has ended; of equal ones, the first that ended comes first."""
        score = log_probability / length_penalty(len(self._steps), self._options.alpha)
        ended = self._ended[source]
        ended.append(_Ended(score, log_probability, len(self._steps) - 1, row))
        ended.sort(key=lambda each: -each.score)
        self._room[source] -= 1
        if len(ended) >= self._options.nbest:
            self._to_beat[source] = ended[self._options.nbest - 1].score

    def _can_win(self, sources: Array, log_p: Array, live: Array) -> Array:
        """Return for each hypothesis whether its source has a live one that may still get among the best.

        Every further token makes a hypothesis less probable.
        """
        highest = np.full(len(self._lengths), -np.inf)
        np.maximum.at(highest, sources[live], log_p[live])
        return np.asarray((highest / self._longest > self._to_beat)[sources])

    # --- prefixes -------------------------------------------------------------------------------------------------

    def _constrained(self, tokens: Array, log_p: Array, length: int) -> tuple[Array, Array]:
        """Return tokens and log probabilities, where what contradicts a prefix or the longest length is replaced."""
        is_constrained = (length <= self._forced[self._sources]) | (length >= self._limits[self._sources])
        if any(self._rests):
            is_constrained |= np.array([bool(rest) for rest in self._rests])
        if not is_constrained.any():
            return tokens, log_p
        tokens, log_p = tokens.copy(), log_p.copy()
        for row in np.flatnonzero(is_constrained):
            allowed = self._allowed(int(row), length)
            found = self._model.log_p(int(row), allowed)
            best = np.lexsort((allowed, -found))[: tokens.shape[1]]
            log_p[row] = -np.inf
            tokens[row, : len(best)], log_p[row, : len(best)] = allowed[best], found[best]
        return tokens, log_p

    def _allowed(self, row: int, length: int) -> Array:
        """Return the tokens that may be number `length` of a hypothesis, which not all of them may."""
        source = self._sources[row]
        if length <= self._forced[source]:
            return np.array([self._prefixes[source].tokens[length - 1]], int)
        if length >= self._limits[source]:
            return np.array([self._end], int)
        assert self._texts is not None
        rest = self._rests[row]
        return np.array([*self._texts.covering(rest), *self._texts.proper_prefixes(rest)], int)

    def _rest_after(self, parent: int, token: int, length: int) -> bytes:
        """Return what is still to be written after `token`, number `length` of a hypothesis that continues `parent`."""
        rest = self._rests[parent]
        if not rest or self._texts is None or length <= self._forced[self._sources[parent]]:
            return rest
        return rest[len(self._texts.pieces[token]) :]

    # --- results --------------------------------------------------------------------------------------------------

    def best(self) -> list[list[Hypothesis]]:
        """Return the best that have ended, of each source."""
        return [
            [self._hypothesis(ended, source) for ended in of_source[: self._options.nbest]]
            for source, of_source in enumerate(self._ended)
        ]

    def _hypothesis(self, ended: _Ended, source: int) -> Hypothesis:
        tokens, alignment, log_p, row = [], [], [], ended.row
        for step in reversed(self._steps[: ended.step + 1]):
            tokens.append(int(step.tokens[row]))
            alignment.append(step.attention[row, : self._lengths[source]])
            log_p.append(float(step.log_p[row]))
            row = int(step.parents[row])
        given = self._prefix_length(self._prefixes[source], tokens[::-1])
        mean = math.exp(log_p[-given] / given) if given else None
        return Hypothesis(tuple(tokens[::-1]), ended.log_probability, ended.score, np.stack(alignment[::-1]), mean)

    def _prefix_length(self, prefix: Prefix, tokens: Sequence[int]) -> int:
        """Return how many tokens of a translation write its prefix."""
        count = len(prefix.tokens)
        rest = prefix.rest if self._texts is not None else b""
        while rest and self._texts is not None and count < len(tokens):
            rest = rest[len(self._texts.pieces[tokens[count]]) :]
            count += 1
        return count
