"""A text's words in order and a sorted index of its places: how often any words stood one after the other.

From the index follow interpolated modified Kneser-Ney probabilities of any order without a table of n-grams, so that
a million words take some ten megabytes.

    p(w | ctx) = (n(ctx w) - D(n)) / n(ctx) + back(ctx) p(w | shorter ctx)

n counts occurrences after the longest context, and distinct words before `ctx w` after shorter ones.

Source: Chen and Goodman 1998, section 3.3; the index as in Stehouwer and van Zaanen 2010, "Using suffix arrays as
language models: scaling the n-gram".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from lstmtui.common.npz import pack, unpack
from lstmtui.common.word_boundaries import words_and_line_ends
from lstmtui.engine.autocomplete.respelling import Lexicon

Array = np.ndarray[Any, Any]

LINE = b"\n"
"""Stands before the first word of a line and after the last."""
ORDER = 5
DISCOUNTS = np.array([0.0, 0.75, 1.15, 1.4])
"""For what was seen once, twice, more often: about what the formula of Chen and Goodman gives on texts of a million
words, at any order."""
FORMAT = 3
OLD_FORMATS = (2,)
"""The same with other words: what is not ASCII was one word with the letters beside it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What follows one context: words seen after it, and the share that is left to shorter contexts."""

    words: Array
    """(N,) ids in order."""
    sums: Array
    """(N + 1,) running sums of their discounted probabilities."""
    back: float


class Concordance:
    """The words of a text. Words are numbered in the order of their bytes, so that a beginning is a range."""

    def __init__(self, words: list[bytes], text: Array, index: Array | None = None, *, made_in: int = FORMAT) -> None:
        """Take the words, sorted, the line end first, and the text in their numbers (N,).

        index      all places (N,), sorted by the words from there on, where that has been done before
        made_in    the format that decided what a word is
        """
        self.words, self.made_in = words, made_in
        self._ids = {word: i for i, word in enumerate(words)}
        V = len(words)
        self._padded = np.concatenate([text, np.zeros(ORDER, text.dtype)])
        self._text = self._padded[: len(text)]
        if index is None:
            index = np.lexsort([self._padded[n : n + len(text)] for n in reversed(range(ORDER))]).astype(np.int32)
        self._index = index
        self._all = max(1, int(np.count_nonzero(text)))
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(text, minlength=V))]).astype(np.int64)
        before = np.zeros(V)
        if len(text) > 1:
            # How many different words stand before each.
            pairs = np.sort(text[:-1].astype(np.int64) + text[1:].astype(np.int64) * V)
            first = np.concatenate([[True], pairs[1:] != pairs[:-1]])
            before += np.bincount(pairs[first] // V, minlength=V)
        before[0] = 0.0  # a line end is not proposed
        before[1:] += 0.5  # the first word of the text has nothing before it
        self._single = np.concatenate([[0.0], np.cumsum(before / max(1.0, before.sum()))])
        self._single_p = np.diff(self._single)
        self.layers = lru_cache(maxsize=128)(self._layers)
        self._following = lru_cache(maxsize=256)(self._following_in)

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> Concordance:
        """Index the text in `chunks`, which are cut between words."""
        seen: dict[bytes, int] = {LINE: 0}
        ids: list[int] = [0]
        for chunk in chunks:
            for word in words_and_line_ends(chunk):
                ids.append(seen.setdefault(word, len(seen)))
        words = [LINE, *sorted(word for word in seen if word != LINE)]
        rank = {word: i for i, word in enumerate(words)}
        renumbered = np.array([rank[word] for word in seen], np.int32)
        return cls(words, renumbered[np.array(ids, np.int32)])

    def __len__(self) -> int:
        return len(self._text)

    @property
    def count(self) -> int:
        """How many words the text has, line ends not counted."""
        return int(np.count_nonzero(self._text))

    def share(self, word: bytes) -> float:
        """Return which part of the words of the text is `word`."""
        return self.occurrences(word) / self._all

    def occurrences(self, word: bytes) -> int:
        """Return how often the text has `word`."""
        number = self._ids.get(word, 0)
        return int(self._starts[number + 1] - self._starts[number]) if number else 0

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words of the text, for finding those that begin nearly as typed."""
        occurrences = np.diff(self._starts)[1:]
        return Lexicon(self.words[1 + at] for at in np.argsort(-occurrences, kind="stable"))

    def text(self) -> bytes:
        """Return the words of the text, one space apart, its lines as they were."""
        return b" ".join(self.words[i] for i in self._text).replace(b" \n", b"\n").replace(b"\n ", b"\n")

    def context(self, words: list[bytes]) -> tuple[int, ...]:
        """Return the numbers of the last of `words`, as far back as they are known."""
        found: list[int] = []
        for word in reversed([LINE, *words][-ORDER + 1 :]):
            number = self._ids.get(word)
            if number is None:
                break
            found.insert(0, number)
        return tuple(found)

    def range(self, prefix: bytes) -> tuple[int, int]:
        """Return the first number of a word that begins with `prefix`, and the one after the last."""
        if not prefix:
            return 1, len(self.words)
        low = bisect_left(self.words, prefix, 1)
        high = bisect_left(self.words, prefix + b"\xff" * 8, low)
        return low, high

    def tell(self, context: tuple[int, ...], prefix: bytes, most: int = 24) -> tuple[dict[bytes, float], float, int]:
        """Return words that begin with `prefix` and their probabilities, that of all such words, and how many words
        of the context were seen together."""
        low, high = self.range(prefix)
        layers = self.layers(context)
        total = self._single[high] - self._single[low]
        chosen: set[int] = set()
        for layer in layers:
            a, b = np.searchsorted(layer.words, (low, high))
            total = layer.back * total + layer.sums[b] - layer.sums[a]
            p = np.diff(layer.sums[a : b + 1])
            chosen.update(layer.words[a:b][_largest(p, most)].tolist())
        if len(chosen) < most and high > low:
            chosen.update((low + _largest(self._single_p[low:high], most)).tolist())
        words = np.array(sorted(chosen), np.int64)
        return (
            dict(zip([self.words[i] for i in words], self._p(layers, words).tolist(), strict=True)),
            total,
            len(layers),
        )

    def p(self, context: tuple[int, ...], word: bytes) -> float:
        """Return the probability of one word."""
        number = self._ids.get(word)
        return 0.0 if number is None else float(self._p(self.layers(context), np.array([number]))[0])

    def _p(self, layers: list[Layer], words: Array) -> Array:
        found = self._single_p[words]
        for layer in layers:
            found = layer.back * found
            if len(layer.words):
                at = np.minimum(np.searchsorted(layer.words, words), len(layer.words) - 1)
                found = found + np.where(layer.words[at] == words, layer.sums[at + 1] - layer.sums[at], 0.0)
        return found

    # --- counting -------------------------------------------------------------------------------------------------

    def _layers(self, context: tuple[int, ...]) -> list[Layer]:
        """Return what follows the last word of `context`, the last two, and so on while they were seen."""
        found = []
        for length in range(1, len(context) + 1):
            layer = self._following(context[len(context) - length :])
            if layer is None:
                break
            found.append(layer)
            if context[-length] == 0:
                break
        return found

    def _following_in(self, words: tuple[int, ...]) -> Layer | None:
        """Return what follows `words`; None where the text does not have them. Frequent ones take milliseconds."""
        low, high = self._places(words)
        longest = len(words) == ORDER - 1 or words[0] == 0
        return None if low == high else self._layer(low, high, len(words), longest=longest)

    def _places(self, words: tuple[int, ...]) -> tuple[int, int]:
        """Return the range of the index where the text has `words`."""
        low, high = int(self._starts[words[0]]), int(self._starts[words[0] + 1])
        for at, word in enumerate(words[1:], 1):

            def there(place: int, at: int = at) -> int:
                return int(self._padded[self._index[place] + at])

            low = bisect_left(_ROW, word, low, high, key=there)
            high = bisect_left(_ROW, word + 1, low, high, key=there)
        return low, high

    def _layer(self, low: int, high: int, length: int, *, longest: bool) -> Layer:
        places = self._index[low:high]
        following = self._padded[places + length]
        if not longest:
            before = np.where(places > 0, self._padded[places - 1], 0).astype(np.int64)
            pairs = np.sort(following.astype(np.int64) * len(self.words) + before)
            following = pairs[_firsts(pairs)] // len(self.words)
        first = _firsts(following)  # the index has them in order
        words, count = following[first], np.diff(np.append(first, len(following)))
        known = words > 0  # a line end is never proposed; the rest is as if the line went on
        words, count = words[known], count[known]
        if not len(words):
            return Layer(words.astype(np.int64), np.zeros(1), 1.0)
        total = count.sum()
        p = (count - DISCOUNTS[np.minimum(count, 3)]) / total
        return Layer(words.astype(np.int64), np.concatenate([[0.0], np.cumsum(p)]), float(1 - p.sum()))

    # --- files ----------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Return the words and the text as the bytes of an .npz file."""
        words = np.frombuffer(LINE.join(self.words[1:]), np.uint8)
        return pack({"format": np.array(self.made_in), "words": words, "text": self._text, "index": self._index})

    @classmethod
    def load(cls, data: bytes) -> Concordance:
        """Undo `dump`. Raises ValueError for other bytes."""
        try:
            stored = unpack(data)
            words, text, index = stored["words"].tobytes().split(LINE), stored["text"], stored["index"]
            known = int(stored["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"not a concordance ({error})") from error
        if known not in (FORMAT, *OLD_FORMATS):
            raise ValueError("not a concordance of this format")
        words = words if words != [b""] else []
        if words != sorted(set(words)) or not _numbers(text, len(words) + 1) or not _numbers(index, len(text)):
            raise ValueError("not a concordance")
        if len(index) != len(text):
            raise ValueError("not a concordance")
        return cls([LINE, *words], text, index, made_in=known)


_ROW = range(1 << 31)
"""Places to look for something among, by a key."""


def _firsts(values: Array) -> Array:
    """Return where each value of a row in order comes first."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))


def _numbers(values: Array, end: int) -> bool:
    """Return whether `values` is a row of numbers from 0 to `end` - 1."""
    return (
        values.ndim == 1 and values.dtype == np.int32 and len(values) > 0 and values.min() >= 0 and values.max() < end
    )


def _largest(values: Array, count: int) -> Array:
    """Return the indices of the `count` largest values."""
    return np.argpartition(-values, count)[:count] if count < len(values) else np.arange(len(values))
