"""Memorisation: the longest passage of a sample that the training text contains, compared with unseen text.

The training text is read once by a small automaton built from the sample, so that no index of it is needed; this takes
a few nanoseconds a token. The usual length is measured on pieces of validation text as long as the sample, since texts
of one kind share phrases.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from lstmtui.data.corpus import Dataset
from lstmtui.engine.backend import longest_match

Array = np.ndarray[Any, Any]

MAX_TRAINING_TOKENS = 50_000_000
"""Tokens of the training text that are searched: about a fifth of a second."""
MAX_SAMPLE_TOKENS = 4000
STOCK_OCCURRENCES = 3
"""Occurrences in the training text that make a passage a stock phrase: a licence, an import, a greeting."""
MAX_STOCK_PHRASES = 4
"""Stock phrases of a sample that are excluded before the search ends."""
MIN_STOCK_CHARACTERS = 40
"""Shorter passages are not tested for being stock phrases."""
MAX_PIECES = 5
"""Pieces of validation text for the usual length."""
BLOCK = 1 << 22
"""Tokens that are searched at once."""


class MemorisationMeter:
    """Measures samples of one run."""

    def __init__(self, data: Dataset) -> None:
        self._tokenizer = data.tokenizer
        self._train = np.asarray(data.train.tokens[:MAX_TRAINING_TOKENS])
        self._valid = np.asarray(data.valid.tokens)
        self._usual: dict[int, float | None] = {}

    def measure(self, text: str) -> dict[str, Any]:
        """Return the longest passage of `text` that the training text contains and that is no stock phrase.

        A stock phrase occurs several times in the training text, or in the validation text too, and is no sign of
        memorisation.

        characters  its length
        text        the passage, not escaped for a terminal
        usual       the median length of passages in pieces of validation text of this size, None without them
        of          the length of the sample
        """
        tokens = self._tokenizer.encode(text.encode("utf-8", "surrogatepass"))[:MAX_SAMPLE_TOKENS]
        passage = self._longest_passage(self._mask_unknown(tokens))
        return {
            "characters": len(passage),
            "text": passage,
            "usual": self._usual_length(len(tokens)),
            "of": len(text),
        }

    def _mask_unknown(self, tokens: Array) -> Array:
        """Return tokens with unknown words replaced by a token that the training text does not have."""
        unk, size = self._tokenizer.unk, self._tokenizer.size
        return tokens if unk is None else np.where(tokens == unk, size, tokens)

    def _longest_match(self, tokens: Array) -> Array:
        """Return the longest run of `tokens` that the training text contains."""
        found = longest_match.longest(self._train, tokens, self._tokenizer.size + 1)
        return np.asarray(tokens[found.at_short : found.at_short + found.length])

    def _longest_passage(self, tokens: Array) -> str:
        """Return the text of the longest match that is no stock phrase; empty after MAX_STOCK_PHRASES of them."""
        for _ in range(MAX_STOCK_PHRASES):
            match = self._longest_match(tokens)
            text = self._tokenizer.text(match)
            if len(text) < MIN_STOCK_CHARACTERS or not self._is_stock_phrase(match):
                return text
            at = next(iter(find(tokens, match, limit=1)))
            tokens = np.concatenate((tokens[:at], [self._tokenizer.size], tokens[at + len(match) :]))
        return ""

    def _is_stock_phrase(self, match: Array) -> bool:
        if find(self._valid, match, limit=1):
            return True
        return len(find(self._train, match, limit=STOCK_OCCURRENCES)) >= STOCK_OCCURRENCES

    def _usual_length(self, length: int) -> float | None:
        """Return the median over pieces of validation text, `length` tokens long or at least half of that."""
        if length > 2 * len(self._valid) or length == 0:
            return None
        length = min(length, len(self._valid))
        count = min(MAX_PIECES, len(self._valid) // length)
        rounded = 1 << max(0, length - 1).bit_length()  # samples differ by some tokens: one measurement for all
        if rounded not in self._usual:
            starts = [k * (len(self._valid) - length) // max(1, count - 1) for k in range(count)]
            pieces = (self._mask_unknown(self._valid[start : start + length].astype(np.int32)) for start in starts)
            lengths = [len(self._tokenizer.text(self._longest_match(piece))) for piece in pieces]
            self._usual[rounded] = statistics.median(lengths)
        return self._usual[rounded]


def find(text: Array, piece: Array, *, limit: int) -> list[int]:
    """Return where `piece` occurs in `text`: the first `limit` places, or a few more."""
    found: list[int] = []
    for start in range(0, max(0, len(text) - len(piece) + 1), BLOCK):
        block = text[start : start + BLOCK + len(piece) - 1]
        at = np.flatnonzero(block[: len(block) - len(piece) + 1] == piece[0])
        for offset in (len(piece) // 2, len(piece) - 1, *range(1, len(piece))):
            if not len(at):
                break
            at = at[block[at + offset] == piece[offset]]
        found += (start + at).tolist()
        if len(found) >= limit:
            break
    return found
