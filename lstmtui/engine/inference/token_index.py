"""A tokenizer's vocabulary, arranged for finding the tokens that spell what was typed."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any

import numpy as np

from lstmtui.common.word_boundaries import CharKind, completes_word, first_kind, has_word, through_first_word
from lstmtui.data.tokens import Tokenizer

Array = np.ndarray[Any, Any]

WITHIN = (CharKind.EXTEND, CharKind.PART)
"""What belongs to the character before it, whatever that is."""


class Spelling:
    """Which tokens may begin, go on with and end a word."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        pieces = [tokenizer.token_bytes(i) for i in range(tokenizer.size)]
        self.pieces = pieces
        self.joiner = tokenizer.joiner
        """What stands between two tokens."""
        self.whole_words = bool(tokenizer.joiner)
        """Each token is what stands between two spaces."""
        self.forced = tokenizer.kind in ("bytes", "chars")
        """There is one way only to spell a text."""
        self.unk = tokenizer.unk
        usable = np.array([bool(piece) and not (set(piece) & set(b"\n\r")) for piece in pieces])
        if tokenizer.unk is not None:
            usable[tokenizer.unk] = False
        kinds = np.array([first_kind(piece) for piece in pieces])
        ends, ends_unit = ~np.isin(kinds, (CharKind.WORD, *WITHIN)), ~np.isin(kinds, WITHIN)
        if tokenizer.unk is not None and not self.whole_words:
            ends[tokenizer.unk] = False
        self.usable = np.flatnonzero(usable)
        self.ends_word = np.flatnonzero(ends)
        self.in_word = np.flatnonzero(usable & ~ends)
        self.anew = np.flatnonzero(usable & ends)
        """Tokens that may stand after a finished word."""
        self.ends_unit = np.flatnonzero(ends_unit)
        self.in_unit = np.flatnonzero(usable & ~ends_unit)
        """The same two after a character of a script without spaces."""
        self.begins_word = np.flatnonzero(usable & (~ends | (kinds == CharKind.UNIT)))
        self.runs_on = np.flatnonzero(usable & (~ends_unit | (kinds == CharKind.UNIT)))
        """Tokens that go on with text of a script without spaces."""
        self.closes = [completes_word(piece) for piece in pieces]
        """Whether a word ends within each token."""
        self._sorted = sorted((pieces[i], int(i)) for i in self.usable)
        self._keys = [piece for piece, _ in self._sorted]
        self._places = np.array([i for _, i in self._sorted], np.int64)
        self._id = {piece: int(i) for piece, i in self._sorted}
        self.covering = lru_cache(maxsize=512)(self._covering)
        if self.whole_words:
            self._merge_words()

    def _covering(self, owed: bytes) -> Array:
        """Return the tokens that spell `owed`, or it and more."""
        low = bisect_left(self._keys, owed)
        high = bisect_left(self._keys, _after(owed), low) if _after(owed) else len(self._keys)
        return np.sort(self._places[low:high])

    def beginning(self, owed: bytes) -> list[int]:
        """Return the tokens that spell the beginning of `owed`, but not all of it."""
        found = (self._id.get(owed[:length]) for length in range(1, len(owed)))
        return [token for token in found if token is not None]

    def token(self, piece: bytes) -> int | None:
        """Return the token that stands for `piece`, if there is one."""
        return self._id.get(piece)

    # --- whole words ----------------------------------------------------------------------------------------------

    def _merge_words(self) -> None:
        """Note for each token the word in it: "mat", "mat." and "mat," all bring "mat"."""
        self.word_index: dict[bytes, int] = {}
        index = self.word_index
        self.word_of = np.full(len(self.pieces), -1, np.int64)
        for i in self.usable:
            word = through_first_word(self.pieces[i])
            if has_word(word):
                self.word_of[i] = index.setdefault(word, len(index))
        self.words = list(index)


def _after(prefix: bytes) -> bytes:
    """Return the smallest bytes above all that begin with `prefix`; empty when there are none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else b""
