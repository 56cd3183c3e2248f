"""An index of the n-grams of a text: its words in order, and its positions sorted by the words that follow.

Interpolated modified Kneser-Ney probabilities of any order are computed from the index, without a table of n-grams; a
million words take about ten megabytes.

    p(w | ctx) = (n(ctx w) - D(n)) / n(ctx) + back(ctx) p(w | shorter ctx)

n counts occurrences for the longest context, and distinct preceding words of `ctx w` for shorter ones.

Source: Chen and Goodman 1998, section 3.3; the index as in Stehouwer and van Zaanen 2010, "Using suffix arrays as
language models: scaling the n-gram".
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from lstmtui.common.npz import pack, unpack
from lstmtui.common.word_boundaries import words_and_line_ends
from lstmtui.engine.autocomplete.spelling_correction import Lexicon

Array = np.ndarray[Any, Any]

LINE_END = b"\n"
"""The token before the first word of a line and after the last."""
ORDER = 5
DISCOUNTS = np.array([0.0, 0.75, 1.15, 1.4])
"""By counts of 0, 1, 2, and 3 or more: about what the formula of Chen and Goodman gives on texts of a million words, at
any order."""
FORMAT = 3
OLD_FORMATS = (2,)
"""Read as well. They bounded words differently: characters beyond ASCII were one word with the adjacent letters."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Probabilities of the words seen after one context, and the weight of shorter contexts."""

    words: Array
    """(N,) word numbers, ascending."""
    sums: Array
    """(N + 1,) cumulative sums of their discounted probabilities."""
    backoff: float


class NgramIndex:
    """The n-grams of a text. Words are numbered in the order of their bytes: those with a prefix are a range."""

    def __init__(self, words: list[bytes], text: Array, index: Array | None = None, *, version: int = FORMAT) -> None:
        """Take the vocabulary, sorted after the line end, and the text as word numbers (N,).

        index      all positions (N,), sorted by the words from there on; computed if not given
        version    the format whose word boundaries were used
        """
        self.words, self.version = words, version
        self._ids = {word: i for i, word in enumerate(words)}
        V = len(words)
        self._padded = np.concatenate([text, np.zeros(ORDER, text.dtype)])
        self._text = self._padded[: len(text)]
        if index is None:
            index = np.lexsort([self._padded[n : n + len(text)] for n in reversed(range(ORDER))]).astype(np.int32)
        self._index = index
        self._total = max(1, int(np.count_nonzero(text)))
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(text, minlength=V))]).astype(np.int64)
        before = np.zeros(V)
        if len(text) > 1:
            # The number of distinct words before each word.
            pairs = np.sort(text[:-1].astype(np.int64) + text[1:].astype(np.int64) * V)
            first = np.concatenate([[True], pairs[1:] != pairs[:-1]])
            before += np.bincount(pairs[first] // V, minlength=V)
        before[0] = 0.0  # line ends are not proposed
        before[1:] += 0.5  # the first word of the text has no predecessor
        self._unigram_sums = np.concatenate([[0.0], np.cumsum(before / max(1.0, before.sum()))])
        self._unigram_p = np.diff(self._unigram_sums)
        self.layers = lru_cache(maxsize=128)(self._compute_layers)
        self._layer = lru_cache(maxsize=256)(self._compute_layer)

    @classmethod
    def from_chunks(cls, chunks: Iterable[bytes]) -> NgramIndex:
        """Index a text in `chunks`, which are split between words."""
        return cls._from_words(itertools.chain([[LINE_END]], map(words_and_line_ends, chunks)))

    @classmethod
    def from_lines(cls, lines: Iterable[bytes]) -> NgramIndex:
        """Index lines that are words with single spaces between them: as `from_chunks`, in a third of the time."""
        return cls._from_words([LINE_END, *line.split(b" ")] for line in lines)

    @classmethod
    def _from_words(cls, pieces: Iterable[Iterable[bytes]]) -> NgramIndex:
        """Index a text in pieces, each the words and line ends of it; a line end comes first."""
        numbers: dict[bytes, int] = {LINE_END: 0}
        ids: list[int] = []
        for piece in pieces:
            ids.extend(numbers.setdefault(word, len(numbers)) for word in piece)
        words = [LINE_END, *sorted(word for word in numbers if word != LINE_END)]
        rank = {word: i for i, word in enumerate(words)}
        renumbered = np.array([rank[word] for word in numbers], np.int32)
        return cls(words, renumbered[np.array(ids or [0], np.int32)])

    def __len__(self) -> int:
        return len(self._text)

    @property
    def word_count(self) -> int:
        """The number of words of the text, without line ends."""
        return int(np.count_nonzero(self._text))

    def frequency(self, word: bytes) -> float:
        """Return the relative frequency of `word` in the text."""
        return self.occurrences(word) / self._total

    def occurrences(self, word: bytes) -> int:
        """Return the count of `word` in the text."""
        number = self._ids.get(word, 0)
        return int(self._starts[number + 1] - self._starts[number]) if number else 0

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words of the text, for a search by similarity."""
        occurrences = np.diff(self._starts)[1:]
        return Lexicon(self.words[1 + at] for at in np.argsort(-occurrences, kind="stable"))

    def text(self) -> bytes:
        """Return the words of the text with single spaces between them, in their lines."""
        return b" ".join(self.words[i] for i in self._text).replace(b" \n", b"\n").replace(b"\n ", b"\n")

    def context(self, words: list[bytes]) -> tuple[int, ...]:
        """Return the numbers of the last of `words`, as far back as the text has them."""
        found: list[int] = []
        for word in reversed([LINE_END, *words][-ORDER + 1 :]):
            number = self._ids.get(word)
            if number is None:
                break
            found.insert(0, number)
        return tuple(found)

    def prefix_range(self, prefix: bytes) -> tuple[int, int]:
        """Return the range of the numbers of words that begin with `prefix`."""
        if not prefix:
            return 1, len(self.words)
        low = bisect_left(self.words, prefix, 1)
        high = bisect_left(self.words, prefix + b"\xff" * 8, low)
        return low, high

    def estimate(
        self, context: tuple[int, ...], prefix: bytes, count: int = 24
    ) -> tuple[dict[bytes, float], float, int]:
        """Return probable words that begin with `prefix`, the probability of all such words, and the length of the
        longest context that the text has."""
        low, high = self.prefix_range(prefix)
        layers = self.layers(context)
        total = self._unigram_sums[high] - self._unigram_sums[low]
        chosen: set[int] = set()
        for layer in layers:
            a, b = np.searchsorted(layer.words, (low, high))
            total = layer.backoff * total + layer.sums[b] - layer.sums[a]
            p = np.diff(layer.sums[a : b + 1])
            chosen.update(layer.words[a:b][_largest(p, count)].tolist())
        if len(chosen) < count and high > low:
            chosen.update((low + _largest(self._unigram_p[low:high], count)).tolist())
        words = np.array(sorted(chosen), np.int64)
        return (
            dict(zip([self.words[i] for i in words], self._probabilities(layers, words).tolist(), strict=True)),
            total,
            len(layers),
        )

    def probability(self, context: tuple[int, ...], word: bytes) -> float:
        """Return the probability of one word."""
        number = self._ids.get(word)
        return 0.0 if number is None else float(self._probabilities(self.layers(context), np.array([number]))[0])

    def _probabilities(self, layers: list[Layer], words: Array) -> Array:
        found = self._unigram_p[words]
        for layer in layers:
            found = layer.backoff * found
            if len(layer.words):
                at = np.minimum(np.searchsorted(layer.words, words), len(layer.words) - 1)
                found = found + np.where(layer.words[at] == words, layer.sums[at + 1] - layer.sums[at], 0.0)
        return found

    # --- counting -------------------------------------------------------------------------------------------------

    def _compute_layers(self, context: tuple[int, ...]) -> list[Layer]:
        """Return the layers of the last word of `context`, the last two, and so on, as far as the text has them."""
        found = []
        for length in range(1, len(context) + 1):
            layer = self._layer(context[len(context) - length :])
            if layer is None:
                break
            found.append(layer)
            if context[-length] == 0:
                break
        return found

    def _compute_layer(self, words: tuple[int, ...]) -> Layer | None:
        """Return the layer of a context; None where the text does not have it. Frequent ones take milliseconds."""
        low, high = self._positions(words)
        longest = len(words) == ORDER - 1 or words[0] == 0
        return None if low == high else self._count_following(low, high, len(words), longest=longest)

    def _positions(self, words: tuple[int, ...]) -> tuple[int, int]:
        """Return the range of the index with the positions of `words`."""
        low, high = int(self._starts[words[0]]), int(self._starts[words[0] + 1])
        for at, word in enumerate(words[1:], 1):

            def word_at(place: int, at: int = at) -> int:
                return int(self._padded[self._index[place] + at])

            low = bisect_left(_ALL_PLACES, word, low, high, key=word_at)
            high = bisect_left(_ALL_PLACES, word + 1, low, high, key=word_at)
        return low, high

    def _count_following(self, low: int, high: int, length: int, *, longest: bool) -> Layer:
        """Return the layer of a context of `length` words whose positions are `low` to `high` of the index."""
        positions = self._index[low:high]
        following = self._padded[positions + length]
        if not longest:
            before = np.where(positions > 0, self._padded[positions - 1], 0).astype(np.int64)
            pairs = np.sort(following.astype(np.int64) * len(self.words) + before)
            following = pairs[_firsts(pairs)] // len(self.words)
        first = _firsts(following)  # the index sorts them
        words, count = following[first], np.diff(np.append(first, len(following)))
        known = words > 0  # line ends are never proposed: the rest is normalised without them
        words, count = words[known], count[known]
        if not len(words):
            return Layer(words.astype(np.int64), np.zeros(1), 1.0)
        total = count.sum()
        p = (count - DISCOUNTS[np.minimum(count, 3)]) / total
        return Layer(words.astype(np.int64), np.concatenate([[0.0], np.cumsum(p)]), float(1 - p.sum()))

    # --- files ----------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Return the index as the bytes of an .npz file."""
        words = np.frombuffer(LINE_END.join(self.words[1:]), np.uint8)
        return pack({"format": np.array(self.version), "words": words, "text": self._text, "index": self._index})

    @classmethod
    def load(cls, data: bytes) -> NgramIndex:
        """Undo `dump`. Raises ValueError for other bytes."""
        try:
            stored = unpack(data)
            words, text, index = stored["words"].tobytes().split(LINE_END), stored["text"], stored["index"]
            version = int(stored["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"not an n-gram index ({error})") from error
        if version not in (FORMAT, *OLD_FORMATS):
            raise ValueError("not an n-gram index of this format")
        words = words if words != [b""] else []
        if words != sorted(set(words)) or not _are_numbers(text, len(words) + 1) or not _are_numbers(index, len(text)):
            raise ValueError("not an n-gram index")
        if len(index) != len(text):
            raise ValueError("not an n-gram index")
        return cls([LINE_END, *words], text, index, version=version)


_ALL_PLACES = range(1 << 31)
"""A sequence to bisect by a key."""


def _firsts(values: Array) -> Array:
    """Return the first index of each value in a sorted array."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))


def _are_numbers(values: Array, end: int) -> bool:
    """Return whether `values` is a non-empty int32 array of numbers below `end`."""
    return (
        values.ndim == 1 and values.dtype == np.int32 and len(values) > 0 and values.min() >= 0 and values.max() < end
    )


def _largest(values: Array, count: int) -> Array:
    """Return the indices of the `count` largest values, in any order."""
    return np.argpartition(-values, count)[:count] if count < len(values) else np.arange(len(values))
