"""Texts whose words are counted: each estimates how probable a word is, given its beginning and the words before."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Protocol

from lstmtui.engine.autocomplete.ngram_index import LINE_END, NgramIndex
from lstmtui.engine.autocomplete.spelling_correction import Lexicon

RECENT_WEIGHTS = (0.06, 0.14, 0.3)
PROFILE_WEIGHTS = (0.3, 0.5, 0.6, 0.65, 0.7)
TRAINING_TEXT_WEIGHTS = (0.2, 0.35, 0.45, 0.5, 0.6)
"""Mixture weights of a source by the length of the context that it has seen; the network gets the rest.

A novel's last tenth with a model of everyday talk: 22.7 % of the keystrokes saved without any of these, 29.8 % with the
text at hand, 33.6 % with its first nine tenths as a profile too, all with somewhat smaller weights.
"""
HALF_WEIGHT_WORDS = 400
"""Words with which a source has half of its weight."""
MAX_WORDS = 64
"""Words with one prefix, beside those that have followed the preceding word."""
ADAPTATION_EXPONENT = 0.8
"""How far probabilities are scaled by the ratio of observed to expected counts: 0 not at all, 1 fully."""
PRIOR_COUNT = 5.0
"""Occurrences, observed and expected, that are added for every word: one or two may be chance.

A novel's last tenth, which turns to philosophy: 35.6 % of the keystrokes saved without it, 36.1 % with it, and 51.6 and
52.2 % with five suggestions; the tenth before, on which these were chosen: 35.5 and 35.5 %, 51.3 and 51.8 %.
Unconnected turns of conversations: 49.9 and 50.0 %, 63.0 and 62.9 %; a prior count of 2 cost 0.2 points there.
"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The probabilities of one source for the next word, given its beginning."""

    words: dict[bytes, float]
    """Probability of each word."""
    prefix: float
    """Probability of all words with that beginning."""
    weight: float
    """The weight of the source in the mixture."""

    def without_long_words(self, max_bytes: int) -> Estimate:
        """Return the estimate without words above `max_bytes`: those are lines of a text, which rarely recur."""
        if all(len(word) <= max_bytes for word in self.words):
            return self
        words = {word: p for word, p in self.words.items() if len(word) <= max_bytes}
        return Estimate(words, sum(words.values()), self.weight)


class Source(Protocol):
    """A text whose words are counted."""

    def estimate(self, context: list[bytes], prefix: bytes) -> Estimate:
        """Return the probabilities of the words that begin with `prefix`, after the words of `context`."""
        ...

    def similar(self, typed: bytes) -> dict[bytes, float]:
        """Return words whose beginnings are similar to `typed`, with the probability of the typing errors."""
        ...

    def has_prefix(self, prefix: bytes) -> bool:
        """Return whether a word begins with `prefix`."""
        ...


class IndexedText:
    """A text that does not change: the training text."""

    def __init__(self, index: NgramIndex, weights: Sequence[float]) -> None:
        self.index, self._weights = index, weights

    def estimate(self, context: list[bytes], prefix: bytes) -> Estimate:
        """Return the probabilities of the words that begin with `prefix`."""
        words, total, seen = self.index.estimate(self.index.context(context), prefix)
        n = len(self.index)
        return Estimate(words, total, self._weights[min(seen, len(self._weights) - 1)] * n / (n + HALF_WEIGHT_WORDS))

    def similar(self, typed: bytes) -> dict[bytes, float]:
        """Return words whose beginnings are similar to `typed`, with the probability of the typing errors."""
        return self.index.lexicon.similar(typed)

    def has_prefix(self, prefix: bytes) -> bool:
        """Return whether a word begins with `prefix`."""
        low, high = self.index.prefix_range(prefix)
        return low < high


class ProfileText(IndexedText):
    """The texts of the user's profile, which may have spelling errors."""


class RecentCounts:
    """Counts of the text at hand. Words can be removed again."""

    def __init__(self) -> None:
        self._counts: list[dict[tuple[bytes, ...], Counter[bytes]]] = [{}, {}, {}]
        """By context, for contexts of 0, 1 and 2 words."""
        self._words: list[bytes] = []
        """Every counted word, sorted, so that words with a prefix are a range."""
        self._total = 0

    def add(self, context: tuple[bytes, bytes], word: bytes, by: int = 1) -> None:
        """Count `word` after `context`; with `by` -1, remove it."""
        for order, table in enumerate(self._counts):
            key = context[2 - order :]
            counter = table.setdefault(key, Counter())
            if order == 0 and word not in counter:
                insort(self._words, word)
            counter[word] += by
            if not counter[word]:
                del counter[word]
                if order == 0:
                    del self._words[bisect_left(self._words, word)]
                if not counter:
                    del table[key]
        self._total += by

    def occurrences(self, word: bytes) -> int:
        """Return the count of `word`."""
        table = self._counts[0].get(())
        return 0 if table is None else table[word]

    def adaptation(self, word: bytes, expected_frequency: float) -> float:
        """Return the factor by which `word` is more frequent than expected."""
        count = self.occurrences(word)
        return float(((count + PRIOR_COUNT) / (self._total * expected_frequency + PRIOR_COUNT)) ** ADAPTATION_EXPONENT)

    def estimate(self, context: list[bytes], prefix: bytes) -> Estimate:
        """Return the probabilities of the words that begin with `prefix`, interpolated as by Witten and Bell."""
        pair = tuple([LINE_END, LINE_END, *context][-2:])
        words: dict[bytes, float] = {}
        prefix_p, seen = 0.0, 0
        for order, table in enumerate(self._counts):
            counter = table.get(pair[2 - order :])
            if counter is None:
                continue
            seen = order
            total, distinct = counter.total(), len(counter)
            if order == 0:
                candidates = self._with_prefix(prefix)
                prefix_p = sum(counter[word] for word in candidates) / total
                frequent = candidates
                if len(candidates) > MAX_WORDS:
                    frequent = nlargest(MAX_WORDS, candidates, key=lambda w: (counter[w], w))
                # A word that followed the last two words has followed the last one.
                after = self._counts[1].get(pair[1:], ())
                words = {
                    word: counter[word] / total for word in {*frequent, *(w for w in after if w.startswith(prefix))}
                }
                continue
            backoff = distinct / (total + distinct)
            counted = {word: count for word, count in counter.items() if word.startswith(prefix)}
            words = {word: backoff * p + (1 - backoff) * counted.get(word, 0) / total for word, p in words.items()}
            prefix_p = backoff * prefix_p + (1 - backoff) * sum(counted.values()) / total
        return Estimate(words, prefix_p, RECENT_WEIGHTS[seen] * self._total / (self._total + HALF_WEIGHT_WORDS))

    def similar(self, typed: bytes) -> dict[bytes, float]:
        """Return words whose beginnings are similar to `typed`, with the probability of the typing errors."""
        counter = self._counts[0].get((), Counter())
        return Lexicon(word for word, _ in counter.most_common()).similar(typed)

    def has_prefix(self, prefix: bytes) -> bool:
        """Return whether a word begins with `prefix`."""
        return bool(self._with_prefix(prefix))

    def _with_prefix(self, prefix: bytes) -> list[bytes]:
        """Return the words that begin with `prefix`."""
        low = bisect_left(self._words, prefix)
        return self._words[low : bisect_left(self._words, prefix + b"\xff" * 8, low)]
