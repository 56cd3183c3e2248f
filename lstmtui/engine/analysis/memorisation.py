"""How long a stretch of the training text the network's own text repeats, beside what unseen text happens to share.

The text is read once through a small machine made of the sample, so that no index of it is needed: a few nanoseconds a
token. What is usual is measured on the validation text, in pieces as long as the sample: any text of a kind shares
phrases with another.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from lstmtui.data.corpus import Dataset
from lstmtui.engine.backend import longest_match

Array = np.ndarray[Any, Any]

MOST = 50_000_000
"""Tokens of the training text that are looked through: about a fifth of a second."""
LONGEST = 4000
"""Tokens of a sample that are looked at."""
COMMON = 3
"""Places of the training text at which a stretch stands that is a stock phrase: a licence, an import, a greeting."""
ROUNDS = 4
"""Stock phrases of a sample that are set aside to find what else it repeats, at most."""
WORTH = 40
"""Characters below which it does not matter whether a stretch is a stock phrase."""
PIECES = 5
"""Pieces of validation text that say what is usual."""


class MemorisationMeter:
    """Measures samples of one run."""

    def __init__(self, data: Dataset) -> None:
        self._tokenizer = data.tokenizer
        self._train = np.asarray(data.train.tokens[:MOST])
        self._valid = np.asarray(data.valid.tokens)
        self._usual: dict[int, float | None] = {}

    def measure(self, text: str) -> dict[str, Any]:
        """Return the longest stretch of `text` that the training text has too, and that is no stock phrase.

        A stock phrase stands at several places of the training text, or in the validation text too: to write it is no
        sign of memorising.

        characters  how long it is
        text        the stretch itself, not yet safe for a terminal
        usual       characters that as long a piece of the validation text shares (a median), None without one
        of          characters of the sample
        """
        tokens = self._tokenizer.encode(text.encode("utf-8", "surrogatepass"))[:LONGEST]
        shared = self._unusual(self._alone(tokens))
        return {
            "characters": len(shared),
            "text": shared,
            "usual": self._usual_for(len(tokens)),
            "of": len(text),
        }

    def _alone(self, tokens: Array) -> Array:
        """Return tokens with the one for unknown words as one that the training text does not have."""
        unk, size = self._tokenizer.unk, self._tokenizer.size
        return tokens if unk is None else np.where(tokens == unk, size, tokens)

    def _shared(self, tokens: Array) -> Array:
        """Return the longest stretch that the training text has too."""
        found = longest_match.longest(self._train, tokens, self._tokenizer.size + 1)
        return np.asarray(tokens[found.at_short : found.at_short + found.length])

    def _unusual(self, tokens: Array) -> str:
        """Return the text of the longest shared stretch that is no stock phrase; none where many are."""
        for _ in range(ROUNDS):
            shared = self._shared(tokens)
            text = self._tokenizer.text(shared)
            if len(text) < WORTH or not self._is_common(shared):
                return text
            at = next(iter(places(tokens, shared, most=1)))
            tokens = np.concatenate((tokens[:at], [self._tokenizer.size], tokens[at + len(shared) :]))
        return ""

    def _is_common(self, shared: Array) -> bool:
        return bool(places(self._valid, shared, most=1)) or len(places(self._train, shared, most=COMMON)) >= COMMON

    def _usual_for(self, length: int) -> float | None:
        """Return the median over PIECES of validation text, `length` tokens long or half that where there is less."""
        if length > 2 * len(self._valid) or length == 0:
            return None
        length = min(length, len(self._valid))
        pieces = min(PIECES, len(self._valid) // length)
        about = 1 << max(0, length - 1).bit_length()  # samples differ by some tokens: measure once for them all
        if about not in self._usual:
            starts = [k * (len(self._valid) - length) // max(1, pieces - 1) for k in range(pieces)]
            pieces_ = (self._alone(self._valid[start : start + length].astype(np.int32)) for start in starts)
            lengths = [len(self._tokenizer.text(self._shared(piece))) for piece in pieces_]
            self._usual[about] = statistics.median(lengths)
        return self._usual[about]


BLOCK = 1 << 22
"""Tokens that are searched at once."""


def places(text: Array, piece: Array, *, most: int) -> list[int]:
    """Return where `piece` stands in `text`: the first `most` places, or a few more."""
    found: list[int] = []
    for start in range(0, max(0, len(text) - len(piece) + 1), BLOCK):
        block = text[start : start + BLOCK + len(piece) - 1]
        at = np.flatnonzero(block[: len(block) - len(piece) + 1] == piece[0])
        for offset in (len(piece) // 2, len(piece) - 1, *range(1, len(piece))):
            if not len(at):
                break
            at = at[block[at + offset] == piece[offset]]
        found += (start + at).tolist()
        if len(found) >= most:
            break
    return found
