"""Labels and their frames to words with times and confidences."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.ctc_search import Span

_WORD = re.compile(rb"\S+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word that was heard."""

    text: str
    start: float
    """In seconds from the beginning of the recording; a network may write a word a little late."""
    end: float
    confidence: float
    """The probability of its labels: each at its most probable frame, multiplied."""


def timed_words(
    labels: Sequence[int], spans: Sequence[Span], tokenizer: Tokenizer, *, start: float, step: float
) -> list[Word]:
    """Return the words of labels, label n + 1 being token n.

    spans   the frames of each label
    start   the time of frame 0, `step` the time from frame to frame, in seconds
    """
    text, owners = bytearray(), list[int]()
    for n, label in enumerate(labels):
        piece = tokenizer.token_bytes(label - 1)
        if n:
            piece = tokenizer.between(tokenizer.token_bytes(labels[n - 1] - 1), piece) + piece
        text += piece
        owners += [n] * len(piece)
    words = []
    for found in _WORD.finditer(text):
        of_word = [spans[n] for n in sorted(set(owners[found.start() : found.end()]))]
        words.append(
            Word(
                found.group().decode("utf-8", "replace"),
                start + step * min(span.start for span in of_word),
                start + step * max(span.end for span in of_word),
                math.prod(span.peak for span in of_word),
            )
        )
    return words
