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
from lstmtui.engine.backend import stretch

Array = np.ndarray[Any, Any]

MOST = 50_000_000
"""Tokens of the training text that are looked through: about a fifth of a second."""
LONGEST = 4000
"""Tokens of a sample that are looked at."""
PIECES = 5
"""Pieces of validation text that say what is usual."""


class CopyMeter:
    """Measures samples of one run."""

    def __init__(self, data: Dataset) -> None:
        self._tokenizer = data.tokenizer
        self._train = np.asarray(data.train.tokens[:MOST])
        self._valid = np.asarray(data.valid.tokens)
        self._usual: dict[int, float | None] = {}

    def measure(self, text: str) -> dict[str, Any]:
        """Return the longest stretch of `text` that the training text has too.

        characters  how long it is
        text        the stretch itself, not yet safe for a terminal
        usual       characters that as long a piece of the validation text shares (a median), None without one
        of          characters of the sample
        """
        tokens = self._tokenizer.encode(text.encode("utf-8", "surrogatepass"))[:LONGEST]
        shared = self._shared(tokens)
        return {
            "characters": len(shared),
            "text": shared,
            "usual": self._usual_for(len(tokens)),
            "of": len(text),
        }

    def _shared(self, tokens: Array) -> str:
        unk, size = self._tokenizer.unk, self._tokenizer.size
        if unk is not None:  # stands for different words
            tokens = np.where(tokens == unk, size, tokens)
        found = stretch.longest(self._train, tokens, size + 1)
        return self._tokenizer.text(tokens[found.at_short : found.at_short + found.length])

    def _usual_for(self, length: int) -> float | None:
        """Return the median over PIECES of validation text, `length` tokens long or half that where there is less."""
        if length > 2 * len(self._valid) or length == 0:
            return None
        length = min(length, len(self._valid))
        pieces = min(PIECES, len(self._valid) // length)
        about = 1 << max(0, length - 1).bit_length()  # samples differ by some tokens: measure once for them all
        if about not in self._usual:
            starts = [k * (len(self._valid) - length) // max(1, pieces - 1) for k in range(pieces)]
            lengths = [len(self._shared(self._valid[start : start + length].astype(np.int32))) for start in starts]
            self._usual[about] = statistics.median(lengths)
        return self._usual[about]
