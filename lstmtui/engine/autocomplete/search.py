"""Best-first search for the words by which a network may continue a text, over a tree of subword tokens.

A word ends where the network predicts a space, punctuation or a line end: the total probability of such tokens finishes
a candidate, and the tokenisations of one text add up. After a partial word, one search finds both what finishes it and,
where it is complete as it is, the next word, so that the result is one distribution.

A search is a generator that yields the tree nodes it needs. A caller may run many searches side by side, and step the
network for all of them at once.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Generator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from lstmtui.common.word_boundaries import CharKind, has_word, last_kind, through_first_word, word_end
from lstmtui.engine.autocomplete.continuations import SPACE, Continuations
from lstmtui.engine.autocomplete.stepper import Expansions, Node
from lstmtui.engine.autocomplete.token_probabilities import (
    end_probability,
    kth_largest,
    log_probabilities,
    token_probability,
    top_tokens,
    total_probability,
)
from lstmtui.engine.autocomplete.unspaced import Run, extend_runs
from lstmtui.engine.inference.token_index import TokenIndex

Array = np.ndarray[Any, Any]

BATCH = 8
"""Nodes that are expanded at once."""
MAX_LEAD = 2
"""Spaces and punctuation that may come before a word."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The extent of a search."""

    max_nodes: int = 64
    """Nodes expanded in all; words not found by then are improbable, or have many tokens."""
    min_probability: float = 1e-3
    """Hypotheses less probable than this, relative to the typed text, are dropped."""
    max_branches: int = 32
    """Tokens followed from one node, the most probable ones."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Start:
    """Where a search begins."""

    root: Node
    prefix: bytes
    """Text after the root that tokens must spell before they continue."""
    inside: bool
    """Whether the prefix ends within a word, which the candidates continue."""
    after_word: bool = False
    """Whether a word has just ended at the root, and the candidates are the next word."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A path from the root."""

    probability: float
    added: bytes
    """The text after the prefix."""
    remaining: bytes = b""
    """The part of the prefix that is still to be spelled."""
    in_next_word: bool = False
    """Whether the partial word is complete and a space follows: `added` belongs to the next word."""


Branch = tuple[Hypothesis, Node, int]
"""A hypothesis with the parent node and the token of its last step."""
NO_BRANCH: tuple[Hypothesis, Any, int] = (Hypothesis(0.0, b""), None, -1)


def search(
    token_index: TokenIndex, start: Start, k: int, limits: Limits = LIMITS
) -> Generator[Expansions, None, Continuations]:
    """Search for the `k` most probable words from `start` on.

    Yields the nodes and tokens whose children it needs, and returns the continuations.
    """
    root, prefix = start.root, start.prefix
    tree = _Tree(token_index, start, limits)
    expanded = 0
    while expanded < limits.max_nodes:
        batch = tree.pop_best(min(BATCH, limits.max_nodes - expanded), k)
        if not batch:
            break
        expanded += len(batch)
        expansions = [(parent, token) for _, parent, token in batch]
        if any(token not in parent.children for parent, token in expansions):
            yield expansions
        for hypothesis, parent, token in batch:
            tree.visit(parent.children[token], hypothesis)
    yield from tree.extend_unspaced(k)
    space = total_probability(root, token_index.covering(SPACE)) if prefix.startswith(SPACE) else 1.0
    return tree.continuations(space)


class _Tree:
    """The words found so far and the open hypotheses; probabilities are those from the root on."""

    def __init__(self, token_index: TokenIndex, start: Start, limits: Limits) -> None:
        self._token_index, self._limits = token_index, limits
        self._inside, self._after_word = start.inside, start.after_word
        self._complete = self._spaced = 0.0
        self._words: dict[bytes, float] = {}
        self._next_words: dict[bytes, float] = {}
        self._end_nodes: dict[bytes, Node] = {}
        self._best_end: dict[bytes, float] = {}
        """The probability of the most probable path to the end of each word."""
        self._best_longer: dict[bytes, Branch] = {}
        """The most probable token that holds each word and more."""
        self._runs: dict[bytes, tuple[bytes, float]] = {}
        self._open: list[tuple[float, int, Branch]] = []
        self._order = itertools.count()
        self._typed = 0.0 if start.prefix else 1.0
        """The probability of the prefix."""
        self.visit(start.root, Hypothesis(1.0, b"", start.prefix))

    def pop_best(self, count: int, k: int) -> list[Branch]:
        """Remove and return up to `count` of the most probable branches that may lead to one of the `k` best words."""
        found = kth_largest([*self._words.values(), *self._next_words.values()], k)
        floor = max(self._limits.min_probability * self._typed, found)
        batch: list[Branch] = []
        while self._open and len(batch) < count and -self._open[0][0] > floor:
            batch.append(heapq.heappop(self._open)[2])
        return batch

    def visit(self, node: Node, hypothesis: Hypothesis) -> None:
        """Finish words that may end at `node`, where `hypothesis` leads, and open the branches from it."""
        index, added, in_next_word = self._token_index, hypothesis.added, hypothesis.in_next_word
        if hypothesis.remaining:
            self._spell(node, hypothesis)
            return
        if self._inside and not in_next_word and not added:
            self._end_partial_word(node, hypothesis)
            tokens = index.in_word
        elif (self._inside and not in_next_word) or has_word(added):
            unit = last_kind(added) is CharKind.UNIT
            self._end_word(node, hypothesis, unit=unit)
            tokens = index.in_unit if unit else index.in_word
        elif sum(byte & 0xC0 != 0x80 for byte in added) >= MAX_LEAD:  # enough punctuation: a word must follow
            tokens = index.begins_word
        else:
            tokens = index.after_word if self._after_word and not added else index.usable
        self._branch(node, hypothesis, tokens)

    def continuations(self, space: float) -> Continuations:
        """Return what was found; `space` is the probability of the space before the partial word."""
        if self._typed <= 0.0 or space <= 0.0:
            return Continuations()
        return Continuations(
            {word: p / self._typed for word, p in self._words.items()},
            self._complete / self._typed,
            self._spaced / self._complete if self._complete > 0.0 else 0.0,
            {word: p / self._spaced for word, p in self._next_words.items()},
            math.log(self._typed / space),
            self._end_nodes,
            self._runs,
        )

    def extend_unspaced(self, k: int) -> Generator[Expansions, None, None]:
        """Extend those of the `k` most probable words that are characters of scripts without spaces."""
        best = heapq.nlargest(k, self._words.items(), key=itemgetter(1))
        runs = [Run(word) for word, _ in best if last_kind(word) is CharKind.UNIT]
        for run in runs:
            self._begin_run(run)
        yield from extend_runs(runs, self._token_index, self._token_index.continues_unspaced)
        for run in runs:
            if run.whole[0] != run.word:
                self._runs[run.word] = run.whole
                if run.node is not None and run.text == run.whole[0]:
                    self._end_nodes[run.text] = run.node

    def _begin_run(self, run: Run) -> None:
        """Place the run after its word, or before the token that holds the word and more."""
        total = self._words[run.word]
        alone = self._best_end.get(run.word, 0.0)
        hypothesis, parent, token = self._best_longer.get(run.word, NO_BRANCH)
        if hypothesis.probability > alone:
            run.first = parent, token, hypothesis.probability / total
            run.first_text = hypothesis.added
        else:
            run.node, run.share = self._end_nodes.get(run.word), min(1.0, alone / total)

    def _spell(self, node: Node, hypothesis: Hypothesis) -> None:
        """Open the branches from `node` whose tokens spell what remains of the prefix, or its beginning."""
        remaining = hypothesis.remaining
        covering = self._token_index.covering(remaining)
        self._typed += hypothesis.probability * total_probability(node, covering)
        for token in self._token_index.proper_prefixes(remaining):
            p = hypothesis.probability * token_probability(node, token)
            if p > self._limits.min_probability * self._typed:
                rest = remaining[len(self._token_index.pieces[token]) :]
                self._push(Hypothesis(p, hypothesis.added, rest), node, token)
        self._branch(node, hypothesis, covering)

    def _end_partial_word(self, node: Node, hypothesis: Hypothesis) -> None:
        """The partial word may be complete at `node`, and the next word follow after a space."""
        spaces = self._token_index.covering(SPACE)
        self._complete += hypothesis.probability * end_probability(self._token_index, node)
        self._spaced += hypothesis.probability * total_probability(node, spaces)
        self._branch(node, Hypothesis(hypothesis.probability, b"", SPACE, in_next_word=True), spaces)

    def _end_word(self, node: Node, hypothesis: Hypothesis, *, unit: bool) -> None:
        """The word of `hypothesis` may end at `node`; `unit` is a character of a script without spaces."""
        word = SPACE + hypothesis.added if hypothesis.in_next_word else hypothesis.added
        if hypothesis.probability > self._best_end.get(word, 0.0):
            self._best_end[word], self._end_nodes[word] = hypothesis.probability, node
        ends = end_probability(self._token_index, node, unit=unit)
        self._finish(hypothesis, hypothesis.added, hypothesis.probability * ends)

    def _finish(self, hypothesis: Hypothesis, word: bytes, p: float) -> None:
        words = self._next_words if hypothesis.in_next_word else self._words
        words[word] = words.get(word, 0.0) + p

    def _branch(self, node: Node, hypothesis: Hypothesis, tokens: Array) -> None:
        """Open the branches from `node` with one of `tokens`, each of which spells what remains of the prefix."""
        min_p = self._limits.min_probability * self._typed / hypothesis.probability
        min_logp = math.log(max(1e-30, min_p))
        for token, logp in top_tokens(tokens, log_probabilities(node), min_logp, self._limits.max_branches):
            added = hypothesis.added + self._token_index.pieces[token][len(hypothesis.remaining) :]
            p = hypothesis.probability * math.exp(logp)
            longer = Hypothesis(p, added, in_next_word=hypothesis.in_next_word)
            if not (self._token_index.completes_word[token] and self._finish_within(longer, node, token)):
                self._push(longer, node, token)

    def _finish_within(self, hypothesis: Hypothesis, parent: Node, token: int) -> bool:
        """Finish a word that ends within the last token of `hypothesis`; return whether one does."""
        within = self._inside and not hypothesis.in_next_word
        end = word_end(hypothesis.added, 0) if within else len(through_first_word(hypothesis.added))
        if end == len(hypothesis.added):
            return False
        if end:
            word = hypothesis.added[:end]
            self._finish(hypothesis, word, hypothesis.probability)
            longer = self._best_longer.get(word, NO_BRANCH)[0]
            if not hypothesis.in_next_word and hypothesis.probability > longer.probability:
                self._best_longer[word] = hypothesis, parent, token
        else:
            self._complete += hypothesis.probability
        return True

    def _push(self, hypothesis: Hypothesis, parent: Node, token: int) -> None:
        heapq.heappush(self._open, (-hypothesis.probability, next(self._order), (hypothesis, parent, token)))
