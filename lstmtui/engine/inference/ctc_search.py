"""Labels from the probabilities of frames: greedy, and prefix beam search with a language model in shallow fusion.

The probability of labels is the sum over all paths that collapse to them. Greedy search takes the most probable path.
Prefix beam search goes from frame to frame with the most probable prefixes; each has the probability of the paths
that end in a blank and of those that end in its last label (Graves 2012, chapter 7.5; Hannun et al. 2014,
arXiv:1408.2873). A beam that loses nothing finds exact sums. With a language model a prefix has the score

    log p(labels | frames) + weight * log p(text) + bonus * labels

as of Gulcehre et al. 2015, arXiv:1503.03535. `align` finds the frames of given labels.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

BLANK = 0
ROOT = 0
"""The node of no labels."""
IMPOSSIBLE = -1e30
"""Log probability of what cannot be: finite, so that differences of two are."""


class Fusion(Protocol):
    """A language model over the nodes of a search: node 0 is the empty text, each other one label after its parent."""

    def begin(self) -> Array:
        """Forget all nodes but the root, and return the log probability of each label after it (V,)."""
        ...

    def extend(self, parents: Sequence[int], labels: Sequence[int], nodes: Sequence[int]) -> tuple[Array, Array]:
        """Take new nodes, each a label after its parent.

        Returns log probabilities (n,) that count in addition to those that the parents gave the labels, and those of
        the labels after each node (n, V).
        """
        ...

    def end(self, nodes: Sequence[int]) -> Array:
        """Return the log probability (n,) of the text's end after each node."""
        ...


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search."""

    beam: int = 16
    """Prefixes that are followed; 1 is greedy search."""
    nbest: int = 1
    """Hypotheses to return; at most `beam`."""
    weight: float = 0.5
    """Of the language model."""
    bonus: float = 0.0
    """Of each label, against the preference of a language model for short texts."""
    least: float = -12.0
    """Log probability below which a label of a frame is not tried."""
    margin: float = 25.0
    """How much worse than the best a prefix may be."""


DEFAULT = SearchOptions()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One result of a search."""

    labels: tuple[int, ...]
    log_probability: float
    """Of the labels, summed over the paths that the search has followed."""
    score: float
    """As above; the same without a language model."""


class Span(NamedTuple):
    """The frames in which a label is written."""

    start: int
    end: int
    """The first frame after it."""
    peak: float
    """The highest probability of the label in them."""


def greedy(log_p: Array) -> list[int]:
    """Return the labels of the most probable path of log_p (T, V)."""
    best = log_p.argmax(axis=1)
    changes = np.ones(len(best), bool)
    changes[1:] = best[1:] != best[:-1]
    return [int(label) for label in best[changes] if label != BLANK]


def search(log_p: Array, options: SearchOptions = DEFAULT, fusion: Fusion | None = None) -> list[Hypothesis]:
    """Return the best hypotheses of an utterance, the best first; there may be fewer than `nbest`.

    log_p   (T, V)  log probability of each label at each frame, 0 the blank
    Raises ValueError for `nbest` above `beam`.
    """
    if not 1 <= options.nbest <= options.beam:
        raise ValueError(f"{options.nbest} best of a beam of {options.beam}")
    if options.beam == 1 and fusion is None:
        return [_greedy_hypothesis(log_p)]
    beam = PrefixBeam(options, fusion, log_p.shape[1])
    for y in np.asarray(log_p, np.float64):
        beam.read(y)
    return beam.best()


def _greedy_hypothesis(log_p: Array) -> Hypothesis:
    total = float(log_p.max(axis=1).sum(dtype=np.float64)) if len(log_p) else 0.0
    return Hypothesis(tuple(greedy(log_p)), total, total)


class _Tree:
    """The prefixes of a search: each node is a label after its parent."""

    def __init__(self) -> None:
        self.parent, self.label = np.full(256, -1), np.full(256, -1)
        self.row = np.full(256, -1)
        """The place of each node in the beam; -1 for those that are not in it."""
        self._children: dict[tuple[int, int], int] = {}
        self.count = 1

    def child(self, parent: int, label: int) -> tuple[int, bool]:
        """Return the node of a label after `parent`, and whether it is new."""
        node = self._children.setdefault((parent, label), self.count)
        if node < self.count:
            return node, False
        if node == len(self.parent):
            self.parent, self.label, self.row = (
                np.concatenate([values, np.full(node, -1)]) for values in (self.parent, self.label, self.row)
            )
        self.parent[node], self.label[node] = parent, label
        self.count += 1
        return node, True

    def labels(self, node: int) -> tuple[int, ...]:
        """Return all labels up to a node."""
        found = []
        while node != ROOT:
            found.append(int(self.label[node]))
            node = int(self.parent[node])
        return tuple(reversed(found))


class PrefixBeam:
    """A search that reads frame after frame: the prefixes that are followed, with a row of arrays for each."""

    def __init__(self, options: SearchOptions, fusion: Fusion | None, vocabulary: int) -> None:
        """`vocabulary` counts the labels, the blank included; a `fusion` serves one search at a time."""
        self._options, self._fusion, self._tree = options, fusion, _Tree()
        self._nodes = np.array([ROOT])
        self._blank, self._label = np.zeros(1), np.full(1, IMPOSSIBLE)
        """Log probability of the paths that end in a blank, and of those that end in the last label."""
        self._text = np.zeros(1)
        """What language model and bonus add."""
        if fusion is not None:
            self._next = np.zeros((256, vocabulary), np.float32)
            """(nodes, V): what the language model adds for each label after a node."""
            self._own = np.zeros(256)
            """(nodes,): what it adds for the node itself."""
            self._next[ROOT] = fusion.begin()

    def read(self, y: Array) -> None:
        """Read the log probabilities (V,) of the next frame."""
        tree, nodes = self._tree, self._nodes
        total, last = np.logaddexp(self._blank, self._label), tree.label[nodes]
        blank, again = total + y[BLANK], np.where(last > 0, self._label + y[last], IMPOSSIBLE)
        tried = np.flatnonzero(y > self._options.least)
        tried = tried[tried != BLANK]
        if not len(tried):
            self._blank, self._label = blank, again
            return
        repeats = last[:, None] == tried
        extended = np.where(repeats, self._blank[:, None], total[:, None]) + y[tried]
        again = self._merge(extended, again, tried)
        added = np.full(extended.shape, self._options.bonus)
        if self._fusion is not None:
            added += self._options.weight * self._next[nodes[:, None], tried]
        added += self._text[:, None]
        self._select(blank, again, extended, added, tried)

    def _merge(self, extended: Array, again: Array, tried: Array) -> Array:
        """Move what leads to a prefix that is in the beam from `extended` (n, C) to its row of `again` (n,)."""
        tree, nodes = self._tree, self._nodes
        tree.row[nodes] = np.arange(len(nodes))
        parents, last = tree.parent[nodes], tree.label[nodes]
        rows = np.where(parents >= 0, tree.row[parents], -1)
        columns = np.searchsorted(tried, last)
        found = (rows >= 0) & (tried[np.minimum(columns, len(tried) - 1)] == last)
        rows, columns = rows[found], columns[found]
        again[found] = np.logaddexp(again[found], extended[rows, columns])
        extended[rows, columns] = IMPOSSIBLE
        tree.row[nodes] = -1
        return again

    def _select(self, blank: Array, again: Array, extended: Array, added: Array, tried: Array) -> None:
        """Follow the best of the prefixes that stay (n,) and those with a further label (n, C)."""
        n, beam = len(self._nodes), self._options.beam
        scores = np.concatenate([np.logaddexp(blank, again) + self._text, (extended + added).reshape(-1)])
        chosen = np.argpartition(-scores, beam)[:beam] if len(scores) > beam else np.arange(len(scores))
        lowest = max(scores[chosen].max() - self._options.margin, IMPOSSIBLE / 2)
        chosen = np.sort(chosen[scores[chosen] >= lowest])
        stay, grow = chosen[chosen < n], chosen[chosen >= n] - n
        rows, columns = np.divmod(grow, len(tried))
        made = self._grow(self._nodes[rows], tried[columns])
        text = added[rows, columns]
        if self._fusion is not None:
            text = text + self._options.weight * self._own[made]
        self._nodes = np.concatenate([self._nodes[stay], made])
        self._blank = np.concatenate([blank[stay], np.full(len(grow), IMPOSSIBLE)])
        self._label = np.concatenate([again[stay], extended[rows, columns]])
        self._text = np.concatenate([self._text[stay], text])

    def _grow(self, parents: Array, labels: Array) -> Array:
        """Return the nodes of labels after their parents."""
        tree, made, new = self._tree, [], []
        for parent, label in zip(parents.tolist(), labels.tolist(), strict=True):
            node, is_new = tree.child(parent, label)
            made.append(node)
            if is_new:
                new.append((parent, label, node))
        if self._fusion is not None and new:
            if tree.count > len(self._own):
                grown = max(tree.count, 2 * len(self._own)) - len(self._own)
                self._own = np.concatenate([self._own, np.zeros(grown)])
                self._next = np.concatenate([self._next, np.zeros((grown, self._next.shape[1]), np.float32)])
            nodes = [node for _, _, node in new]
            self._own[nodes], self._next[nodes] = self._fusion.extend(*map(list, zip(*new, strict=True)))
        return np.array(made, int)

    def best(self) -> list[Hypothesis]:
        """Return the best hypotheses after the frames so far, as if they were all."""
        total = np.logaddexp(self._blank, self._label)
        scores = total + self._text
        if self._fusion is not None:
            scores = scores + self._options.weight * self._fusion.end(self._nodes.tolist())
        order = np.argsort(-scores, kind="stable")[: self._options.nbest]
        return [Hypothesis(self._tree.labels(int(self._nodes[k])), float(total[k]), float(scores[k])) for k in order]


# --- alignment --------------------------------------------------------------------------------------------------------


def align(log_p: Array, labels: Sequence[int]) -> list[Span]:
    """Return the frames of each label on the most probable path of log_p (T, V) that collapses to `labels`.

    Raises ValueError where there are too few frames.
    """
    T, U = len(log_p), len(labels)
    if U == 0:
        return []
    if (
        U + sum(before == after for before, after in itertools.pairwise(labels)) > T
    ):  # equal neighbours need a blank between them
        raise ValueError(f"{T} frames are too few for these {U} labels")
    states = np.zeros(2 * U + 1, int)  # blank, label, blank, label, ..., blank
    states[1::2] = labels
    y = np.asarray(log_p, np.float64)[:, states]
    skips = np.full(2 * U + 1, IMPOSSIBLE)  # from a label to the next without a blank, where the two differ
    skips[3::2] = np.where(states[3::2] != states[1:-2:2], 0, IMPOSSIBLE)
    score, came = np.full(2 * U + 1, IMPOSSIBLE), np.zeros((T, 2 * U + 1), np.int8)
    score[:2] = y[0, :2]
    ways = np.full((3, 2 * U + 1), 2 * IMPOSSIBLE)
    for t in range(1, T):
        ways[0], ways[1, 1:], ways[2, 2:] = score, score[:-1], score[:-2] + skips[2:]
        came[t] = ways.argmax(axis=0)
        score = np.maximum(ways.max(axis=0) + y[t], 2 * IMPOSSIBLE)
    state = 2 * U if score[2 * U] >= score[2 * U - 1] else 2 * U - 1
    path = np.empty(T, int)
    for t in range(T - 1, -1, -1):
        path[t] = state
        state -= int(came[t, state])
    spans = []
    for u in range(U):
        frames = np.flatnonzero(path == 2 * u + 1)
        start, end = int(frames[0]), int(frames[-1]) + 1
        spans.append(Span(start, end, float(np.exp(y[start:end, 2 * u + 1].max()))))
    return spans
