"""Known words whose beginnings are similar to a partial word, for partial words that begin no known word.

The distance is that of optimal string alignment: inserted, deleted and substituted letters, and swapped neighbours. It
is computed for all words at once, with one bit for each typed letter.
Source: Hyyrö 2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np

from lstmtui.common.word_boundaries import MAX_RUN

Array = np.ndarray[Any, Any]

ERROR_PROBABILITY = 0.01
"""The probability of one typing error."""
LETTER_PROBABILITY = 0.06
"""The probability of a given letter where nothing is known about it."""
MIN_LETTERS = 3
"""Typed letters below which nearly every word is similar."""
MIN_LETTERS_FOR_TWO = 6
"""Typed letters from which two errors are allowed."""
MAX_LETTERS = 24
"""Letters of a word that are compared."""
MAX_WORDS = 1 << 16
"""Words that are compared, the most frequent ones: more would delay the answer."""
MAX_SIMILAR = 64
"""Similar words whose errors are weighed."""
_LAST_CODE = 0xFFFF


class Lexicon:
    """Known words, arranged for a search by similarity."""

    def __init__(self, words: Iterable[bytes]) -> None:
        """Take the words, the most frequent first."""
        self._words = list(words)[:MAX_WORDS]
        letters = [fold_case(word)[:MAX_LETTERS] for word in self._words]
        codes = np.array(letters, f"<U{MAX_LETTERS}").view(np.uint32).reshape(len(letters), MAX_LETTERS)
        self._columns = np.ascontiguousarray(np.minimum(codes, _LAST_CODE).astype(np.uint16).T)

    def similar(self, typed: bytes, p: Array | None = None) -> dict[bytes, float]:
        """Return words with a beginning similar to `typed`, with the probability of the errors.

        Of too many, those with the fewest errors are returned, and of these the most frequent; with `p`, the
        probability of each word, the most probable.
        """
        text = fold_case(typed)
        if not self._words or not can_be_corrected(typed):
            return {}
        max_errors = 2 if len(text) >= MIN_LETTERS_FOR_TWO else 1
        distances = _distances(self._columns[: len(text) + max_errors], text)
        found = np.flatnonzero(distances <= max_errors)
        order = distances[found] if p is None else -p[found] * ERROR_PROBABILITY ** distances[found]
        found = found[np.argsort(order, kind="stable")[:MAX_SIMILAR]]
        return {
            self._words[at]: _error_probability(text, fold_case(self._words[at])[: len(text) + max_errors])
            for at in found
        }


def _error_probability(typed: str, word: str) -> float:
    """Return the probability of the most probable errors that turn a beginning of `word` into `typed`.

    A swap and an omitted letter have one outcome; a wrong or extra letter is one of many.
    """
    before: list[float] = []
    row = [1.0] + [0.0] * len(word)
    for at in range(1, len(word) + 1):
        row[at] = row[at - 1] * ERROR_PROBABILITY
    last = ""
    wrong = ERROR_PROBABILITY * LETTER_PROBABILITY
    for letter in typed:
        after = [row[0] * ERROR_PROBABILITY * LETTER_PROBABILITY]
        for at, intended in enumerate(word, 1):
            best = row[at - 1] * (1.0 if letter == intended else wrong)
            best = max(best, row[at] * ERROR_PROBABILITY * LETTER_PROBABILITY)
            best = max(best, after[at - 1] * ERROR_PROBABILITY)
            if at > 1 and before and letter == word[at - 2] and last == intended:
                best = max(best, before[at - 2] * ERROR_PROBABILITY)
            after.append(best)
        before, row, last = row, after, letter
    return max(row)


def can_be_corrected(typed: bytes) -> bool:
    """Return whether `typed` may be compared with known words: letters only, neither too few nor too many."""
    text = fold_case(typed)
    letters_only = text.replace("'", "").isalpha() and len(typed) < MAX_RUN
    return letters_only and MIN_LETTERS <= len(text) < MAX_LETTERS - 1


def fold_case(word: bytes) -> str:
    """Return a word as it is compared: in lower case, composed, with ASCII apostrophes."""
    return unicodedata.normalize("NFC", word.decode("utf-8", "replace")).lower().replace("\u2019", "'")


def match_case(word: str, typed: str) -> str:
    """Return `word` in capitals, or with a capital first letter, where `typed` has them."""
    if len(typed) > 1 and typed.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if typed[:1].isupper() else word


def _distances(columns: Array, text: str) -> Array:
    """Return the least distance (N,) of `text` from any beginning of each word, given their letters (L, N)."""
    bits = np.zeros(_LAST_CODE + 1, np.uint64)
    for at, letter in enumerate(text):
        bits[min(ord(letter), _LAST_CODE)] |= np.uint64(1 << at)
    one, last = np.uint64(1), np.uint64(len(text) - 1)
    N = columns.shape[1]
    up, down, same, before = (np.zeros(N, np.uint64) for _ in range(4))
    up[:] = (1 << len(text)) - 1
    distance = np.full(N, len(text), np.int64)
    least = distance.copy()
    for column in columns:
        here = bits[column]
        swapped = ((~same & here) << one) & before
        same = (((here & up) + up) ^ up) | here | down | swapped
        more, less = down | ~(same | up), same & up
        distance += ((more >> last) & one).astype(np.int64) - ((less >> last) & one).astype(np.int64)
        np.minimum(least, distance, out=least)
        more, less = (more << one) | one, less << one
        up, down, before = less | ~(same | more), more & same, here
    return least
