"""Known words whose beginnings are nearest to what was typed, where no known word begins as typed.

The distance is that of optimal string alignment: letters put in, left out or exchanged, and neighbours swapped. It is
computed for all words at once, one bit for each letter that was typed.
Source: Hyyrö 2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np

from lstmtui.engine.autocomplete.text_state import RUN

Array = np.ndarray[Any, Any]

EDIT = 0.01
"""The probability of one error of typing."""
LETTER = 0.06
"""The probability of a given wrong letter, as in the search for unknown words."""
MIN_LETTERS = 3
"""Letters that must have been typed; fewer are near to nearly every word."""
MIN_LETTERS_OF_TWO = 6
"""Letters from which two errors are looked for."""
MAX_LETTERS = 24
"""Letters of a word that are compared."""
MAX_WORDS = 1 << 16
"""Words that are compared, the commonest: more would hold up the answer."""
MAX_NEAR = 64
"""Words that are weighed, the nearest and commonest."""
_LAST = 0xFFFF


class Lexicon:
    """Known words, arranged for finding those that begin nearly as typed."""

    def __init__(self, words: Iterable[bytes]) -> None:
        """Take the words, the commonest first."""
        self._words = list(words)[:MAX_WORDS]
        letters = [folded(word)[:MAX_LETTERS] for word in self._words]
        codes = np.array(letters, f"<U{MAX_LETTERS}").view(np.uint32).reshape(len(letters), MAX_LETTERS)
        self._columns = np.ascontiguousarray(np.minimum(codes, _LAST).astype(np.uint16).T)

    def near(self, typed: bytes, p: Array | None = None) -> dict[bytes, float]:
        """Return words with a beginning that differs by few errors from what was `typed`, and how probable these are.

        Where they are too many, those with the fewest errors, and then the commonest, or (`p`, of each word) likeliest.
        """
        text = folded(typed)
        if not self._words or not can_be_respelt(typed):
            return {}
        most = 2 if len(text) >= MIN_LETTERS_OF_TWO else 1
        distances = _distances(self._columns[: len(text) + most], text)
        found = np.flatnonzero(distances <= most)
        order = distances[found] if p is None else -p[found] * EDIT ** distances[found]
        found = found[np.argsort(order, kind="stable")[:MAX_NEAR]]
        return {self._words[at]: _of_errors(text, folded(self._words[at])[: len(text) + most]) for at in found}


def _of_errors(typed: str, word: str) -> float:
    """Return the probability of the likeliest errors by which a beginning of `word` is `typed`.

    A swap and a letter left out lead to one beginning only, a wrong letter or one too many to very many.
    """
    before: list[float] = []
    row = [1.0] + [0.0] * len(word)
    for at in range(1, len(word) + 1):
        row[at] = row[at - 1] * EDIT
    last = ""
    for letter in typed:
        after = [row[0] * EDIT * LETTER]
        for at, wanted in enumerate(word, 1):
            best = max(row[at - 1] * (1.0 if letter == wanted else EDIT * LETTER), row[at] * EDIT * LETTER)
            best = max(best, after[at - 1] * EDIT)
            if at > 1 and before and letter == word[at - 2] and last == wanted:
                best = max(best, before[at - 2] * EDIT)
            after.append(best)
        before, row, last = row, after, letter
    return max(row)


def can_be_respelt(typed: bytes) -> bool:
    """Return whether what was `typed` may be looked for among known words: letters, neither too few nor too many."""
    text = folded(typed)
    known = text.replace("'", "").isalpha() and len(typed) < RUN
    return known and MIN_LETTERS <= len(text) < MAX_LETTERS - 1


def folded(word: bytes) -> str:
    """Return a word in small letters and composed, as it is compared."""
    return unicodedata.normalize("NFC", word.decode("utf-8", "replace")).lower().replace("\u2019", "'")


def in_case_of(word: str, typed: str) -> str:
    """Return `word` with capital letters where the word that was `typed` asks for them."""
    if len(typed) > 1 and typed.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if typed[:1].isupper() else word


def _distances(columns: Array, text: str) -> Array:
    """Return the least distance of `text` from a beginning of each word, of which `columns` are the letters (L, N)."""
    bits = np.zeros(_LAST + 1, np.uint64)
    for at, letter in enumerate(text):
        bits[min(ord(letter), _LAST)] |= np.uint64(1 << at)
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
