"""Every character of the text is a token, as in char-rnn (Karpathy 2015)."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from lstmtui.data.tokens.base import Ids, Tokenizer

CODE_POINTS = 0x110000


class Chars(Tokenizer):
    """Id 0 is `<unk>`, then the characters in the order of their code points.

    Text within the vocabulary survives a round trip; invalid bytes and unknown characters become U+FFFD.
    """

    kind = "chars"
    unk = 0

    def __init__(self, characters: str) -> None:
        """Take the characters, sorted and distinct."""
        codes = [ord(c) for c in characters]
        if codes != sorted(set(codes)):
            raise ValueError("characters out of order")
        self.characters = characters
        # One slot beyond the last character stands for everything above it.
        self._table = np.zeros(codes[-1] + 2 if codes else 1, np.int32)
        self._table[codes] = np.arange(1, len(codes) + 1)

    @classmethod
    def train(cls, chunks: Iterable[bytes], limit: int | None = None) -> Self:
        """Take every character of the text, or the `limit - 1` most frequent ones."""
        counts = np.zeros(CODE_POINTS, np.int64)
        for codes in _code_points(chunks):
            seen = np.bincount(codes)
            counts[: len(seen)] += seen
        found = np.flatnonzero(counts)
        if limit is not None and len(found) >= limit:
            by_count = np.argsort(-counts[found], kind="stable")
            found = np.sort(found[by_count[: limit - 1]])
        return cls("".join(map(chr, found.tolist())))

    def extended(self, chunks: Iterable[bytes], limit: int | None = None) -> Chars:
        found = set(Chars.train(chunks, limit).characters)
        return Chars("".join(sorted(found.union(self.characters))))

    @property
    def size(self) -> int:
        return len(self.characters) + 1

    def stream(self, chunks: Iterable[bytes]) -> Iterator[Ids]:
        last = len(self._table) - 1
        for codes in _code_points(chunks):
            yield self._table[np.minimum(codes, last)]

    def token_bytes(self, i: int) -> bytes:
        return ("\ufffd" if i == 0 else self.characters[i - 1]).encode("utf-8")

    def to_json(self) -> dict[str, Any]:
        return {"characters": self.characters}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        return cls(body["characters"])


def _code_points(chunks: Iterable[bytes]) -> Iterator[np.ndarray]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in chunks:
        yield _codes(decoder.decode(chunk))
    yield _codes(decoder.decode(b"", final=True))


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)
