"""A tokenizer's vocabulary, indexed by the text of its tokens and by how they begin, continue and end words."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any

import numpy as np

from lstmtui.common.word_boundaries import CharKind, completes_word, first_kind, has_word, through_first_word
from lstmtui.data.tokens import Tokenizer

Array = np.ndarray[Any, Any]

EXTENDING = (CharKind.EXTEND, CharKind.PART)
"""Kinds that belong to the character before them."""


class TokenIndex:
    """The tokens of a vocabulary by their text. Sets of tokens are arrays of their numbers."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        pieces = [tokenizer.token_bytes(i) for i in range(tokenizer.size)]
        self.pieces = pieces
        """The text of each token."""
        self.joiner = tokenizer.joiner
        """The text between two tokens."""
        self.whole_words = bool(tokenizer.joiner)
        """Whether tokens are words, separated by spaces."""
        self.is_unambiguous = tokenizer.kind in ("bytes", "chars")
        """Whether every text has a single tokenisation."""
        self.unk = tokenizer.unk
        usable = np.array([bool(piece) and not (set(piece) & set(b"\n\r")) for piece in pieces])
        if tokenizer.unk is not None:
            usable[tokenizer.unk] = False
        kinds = np.array([first_kind(piece) for piece in pieces])
        ends, ends_unit = ~np.isin(kinds, (CharKind.WORD, *EXTENDING)), ~np.isin(kinds, EXTENDING)
        if tokenizer.unk is not None and not self.whole_words:
            ends[tokenizer.unk] = False
        self.usable = np.flatnonzero(usable)
        """Tokens of a completion: no line ends and no placeholder for unknown words."""
        self.ends_word = np.flatnonzero(ends)
        """Tokens before which a word ends."""
        self.in_word = np.flatnonzero(usable & ~ends)
        """Tokens that continue a word."""
        self.after_word = np.flatnonzero(usable & ends)
        """Tokens that may follow a finished word."""
        self.ends_unit = np.flatnonzero(ends_unit)
        self.in_unit = np.flatnonzero(usable & ~ends_unit)
        """The same two after a character of a script without spaces."""
        self.begins_word = np.flatnonzero(usable & (~ends | (kinds == CharKind.UNIT)))
        self.continues_unspaced = np.flatnonzero(usable & (~ends_unit | (kinds == CharKind.UNIT)))
        """Tokens that continue text of a script without spaces."""
        self.completes_word = [completes_word(piece) for piece in pieces]
        """Whether a word ends within each token."""
        self._sorted = sorted((pieces[i], int(i)) for i in self.usable)
        self._keys = [piece for piece, _ in self._sorted]
        self._tokens = np.array([i for _, i in self._sorted], np.int64)
        self._token_of = {piece: int(i) for piece, i in self._sorted}
        self.covering = lru_cache(maxsize=512)(self._covering)
        if self.whole_words:
            self._index_words()

    def _covering(self, text: bytes) -> Array:
        """Return the tokens that begin with `text`."""
        low = bisect_left(self._keys, text)
        high = bisect_left(self._keys, _successor(text), low) if _successor(text) else len(self._keys)
        return np.sort(self._tokens[low:high])

    def proper_prefixes(self, text: bytes) -> list[int]:
        """Return the tokens that are proper prefixes of `text`."""
        found = (self._token_of.get(text[:length]) for length in range(1, len(text)))
        return [token for token in found if token is not None]

    def token(self, piece: bytes) -> int | None:
        """Return the token whose text is `piece`, if there is one."""
        return self._token_of.get(piece)

    # --- whole words ----------------------------------------------------------------------------------------------

    def _index_words(self) -> None:
        """Index the words in tokens: "mat", "mat." and "mat," share the word "mat"."""
        self.word_index: dict[bytes, int] = {}
        """The number of each word."""
        self.word_of = np.full(len(self.pieces), -1, np.int64)
        """The number of the word in each token; -1 without one."""
        for i in self.usable:
            word = through_first_word(self.pieces[i])
            if has_word(word):
                self.word_of[i] = self.word_index.setdefault(word, len(self.word_index))
        self.words = list(self.word_index)
        """The words by number."""


def _successor(prefix: bytes) -> bytes:
    """Return the smallest bytes above everything that begins with `prefix`; empty if there are none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else b""
