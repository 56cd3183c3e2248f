"""The search for the words that a network may go on with: best first, in batches, over a tree of tokens.

A word ends where the network would go on with a space, punctuation or a line end: the probability of all such tokens
together finishes a candidate, and ways to spell one text add up. The search is a generator that asks for the nodes it
needs, so that one caller may run many side by side and step the network for all of them at once.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmtui.engine.autocomplete.spelling import Spelling
from lstmtui.engine.autocomplete.stepper import Node
from lstmtui.engine.autocomplete.words import has_word

Array = np.ndarray[Any, Any]
Wanted = list[tuple[Node, int]]

BATCH = 8
"""Nodes asked for at once."""
MOST = 40
"""Nodes asked for in all; what has not been found by then is improbable, or spelt in many pieces."""
LEAST = 1e-3
"""Ways that are less probable than this, beside all that spells what was typed, are not followed."""
LEAD = 2
"""Bytes of spaces and punctuation that may come before a word."""
LETTER = 0.06
"""An unknown word has a given next letter with about this probability."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to go on: what it adds to the typed text, and what it must still spell of it."""

    mass: float
    added: bytes
    owed: bytes
    parent: Node
    token: int


@dataclass(slots=True)
class Found:
    """Words to add, with the probability of each to come together with what was typed."""

    masses: dict[bytes, float] = field(default_factory=dict)
    typed: float = 0.0
    """The probability that what was typed is spelt at all."""
    over: float = 0.0
    """The probability that what was typed is spelt and ends its word."""
    ends: dict[bytes, Node] = field(default_factory=dict)
    """The likeliest node after each word, as far as it was reached."""

    def leave_out(self, begun: bytes, words: Collection[bytes]) -> None:
        """Let go of what makes one of `words` from the word begun, and of its probability."""
        for word in words:
            if word.startswith(begun):
                self.typed = max(0.0, self.typed - self.masses.pop(word[len(begun) :], 0.0))

    def ranked(self, k: int) -> list[tuple[bytes, float]]:
        """Return the `k` likeliest words and their probabilities given what was typed."""
        total = max(self.typed, 1e-30)
        best = heapq.nsmallest(k, self.masses.items(), key=lambda item: (-item[1], item[0]))
        return [(word, min(1.0, mass / total)) for word, mass in best]


def whole_words(spelling: Spelling, root: Node, owed: bytes) -> Found:
    """Return the words of a vocabulary of whole words that go on with what is `owed`: no step is needed for that."""
    assert root.logp is not None
    tokens = spelling.covering(owed) if owed else spelling.usable
    found = Found()
    p = np.exp(root.logp[tokens].astype(np.float64))
    found.typed = float(p.sum())
    if spelling.unk is not None and owed:
        found.typed += float(np.exp(root.logp[spelling.unk])) * LETTER ** len(owed)
    words = spelling.word_of[tokens]
    known = words >= 0
    sums = np.bincount(words[known], p[known], minlength=len(spelling.words))
    for index in _largest(sums, 64):
        word = spelling.words[index] if sums[index] > 0 else b""
        if word.startswith(owed) and len(word) > len(owed):
            found.masses[word[len(owed) :]] = float(sums[index])
    if owed in spelling.word_index:
        found.over = float(sums[spelling.word_index[owed]])
    return found


def pieces(
    spelling: Spelling, root: Node, owed: bytes, k: int, *, inside: bool, anew: bool = False, most: int = MOST
) -> Generator[Wanted, None, Found]:
    """Search for the `k` likeliest words that spell `owed` and go on.

    inside    what was typed ends in the middle of a word, which the candidates go on with
    anew      a word has just ended at the root, and the candidates are the next one

    Yields nodes and tokens whose children are wanted, and returns what was found.
    """
    found = Found()
    waiting: list[tuple[float, int, Way]] = []
    order = itertools.count()
    best_way: dict[bytes, float] = {}

    def follow(node: Node, mass: float, added: bytes, owed: bytes) -> None:
        """Finish what may end at `node`, and note the ways on from it."""
        assert node.logp is not None
        if owed:
            tokens = spelling.covering(owed)
            found.typed += mass * float(np.exp(node.logp[tokens]).sum())
            for token in spelling.beginning(owed):
                part = mass * float(np.exp(node.logp[token]))
                if part > LEAST * found.typed:
                    rest = owed[len(spelling.pieces[token]) :]
                    heapq.heappush(waiting, (-part, next(order), Way(part, added, rest, node, token)))
        elif inside or has_word(added):
            if added:
                if mass > best_way.get(added, 0.0):
                    best_way[added], found.ends[added] = mass, node
                found.masses[added] = found.masses.get(added, 0.0) + mass * ending(spelling, node)
            else:
                found.over += mass * ending(spelling, node)
            tokens = spelling.in_word
        elif len(added) >= LEAD:  # enough punctuation: a word must follow
            tokens = spelling.in_word
        else:
            tokens = spelling.anew if anew and not added else spelling.usable
        for token, logp in _likely(tokens, node.logp, math.log(max(1e-30, LEAST * found.typed / mass))):
            rest = added + spelling.pieces[token][len(owed) :]
            way = Way(mass * math.exp(logp), rest, b"", node, token)
            heapq.heappush(waiting, (-way.mass, next(order), way))

    if not owed:
        found.typed = 1.0
    follow(root, 1.0, b"", owed)
    asked = 0
    while waiting and asked < most:
        floor = max(LEAST * found.typed, _kth(found.masses, k))
        batch: list[Way] = []
        while waiting and len(batch) < BATCH and -waiting[0][0] > floor:
            batch.append(heapq.heappop(waiting)[2])
        if not batch:
            break
        asked += len(batch)
        if any(way.token not in way.parent.children for way in batch):
            yield [(way.parent, way.token) for way in batch]
        for way in batch:
            follow(way.parent.children[way.token], way.mass, way.added, way.owed)
    return found


def ending(spelling: Spelling, node: Node) -> float:
    """Return the probability that a word which has come as far as `node` is over."""
    if node.end < 0:
        assert node.logp is not None
        node.end = float(np.exp(node.logp[spelling.ends_word]).sum())
    return node.end


def _kth(masses: dict[bytes, float], k: int) -> float:
    """Return the k-th largest probability, 0 while there are fewer."""
    return heapq.nlargest(k, masses.values())[-1] if len(masses) >= k else 0.0


def _likely(tokens: Array, logp: Array, least: float, count: int = 32) -> list[tuple[int, float]]:
    """Return up to `count` of `tokens` with their log probabilities above `least`, the likeliest first."""
    among = logp[tokens]
    indices = np.flatnonzero(among > least)
    if len(indices) > count:
        indices = np.sort(indices[np.argpartition(-among[indices], count)[:count]])
    indices = indices[np.argsort(-among[indices], kind="stable")]
    return [(int(tokens[i]), float(among[i])) for i in indices]


def _largest(values: Array, count: int) -> Array:
    """Return the indices of the `count` largest values, largest first, ties by index."""
    indices = np.sort(np.argpartition(-values, count)[:count]) if count < len(values) else np.arange(len(values))
    return indices[np.argsort(-values[indices], kind="stable")]
