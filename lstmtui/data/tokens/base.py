"""The interface of tokenizers, and their file."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.files import write_atomically

FORMAT = 1
"""The version of tokenizer.json."""

Ids = NDArray[np.int32]


class Tokenizer(ABC):
    """Bytes to token ids 0 .. size - 1, and back. Immutable."""

    kind: ClassVar[str]
    """The value of `--tokens`."""
    joiner: ClassVar[bytes] = b""
    """The text between two tokens: a space for words, empty for others."""
    unk: ClassVar[int | None] = None
    """The id of unknown tokens; None where every text is known."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of ids."""

    @abstractmethod
    def stream(self, chunks: Iterable[bytes]) -> Iterator[Ids]:
        """Yield the ids of the text, piece by piece; the ids do not depend on the size of chunks."""

    @abstractmethod
    def token_bytes(self, i: int) -> bytes:
        """Return the text of token `i`, without `joiner`."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary as a JSON object."""

    @classmethod
    @abstractmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """Undo `to_json`. Raises KeyError, TypeError or ValueError for an invalid body."""

    def extended(self, chunks: Iterable[bytes], limit: int | None = None) -> Tokenizer:
        """Return a tokenizer that knows this one's tokens, and also those of a text; this one if it knows every text.

        limit    the size at most; tokens of this one stay in any case
        """
        return self

    def between(self, before: bytes, after: bytes) -> bytes:
        """Return the text between two tokens with the bytes `before` and `after`."""
        return self.joiner

    def encode(self, data: bytes) -> Ids:
        """Return the ids of `data`, (N,) int32."""
        pieces = list(self.stream([data]))
        return np.concatenate(pieces) if pieces else np.empty(0, np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer]) -> bytes:
        """Return the text of `ids`; the last character may be incomplete."""
        return b"".join(self._pieces[int(i)] for i in ids)

    def text(self, ids: Sequence[int] | NDArray[np.integer]) -> str:
        """Return `decode` as a string, with U+FFFD for invalid UTF-8; not yet safe for a terminal."""
        return self.decode(ids).decode("utf-8", errors="replace")

    def unknown(self, ids: Ids) -> int:
        """Return how many of `ids` stand for text that the vocabulary lacks."""
        return 0 if self.unk is None else int((ids == self.unk).sum())

    @cached_property
    def _pieces(self) -> list[bytes]:
        return [self.token_bytes(i) for i in range(self.size)]

    def digest(self) -> str:
        """Return the SHA-256 of kind and vocabulary, in hex."""
        body = json.dumps({"kind": self.kind, **self.to_json()}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode("ascii")).hexdigest()

    def save(self, path: Path) -> None:
        """Write tokenizer.json to `path` atomically. Raises OSError."""
        body = {"format": FORMAT, "kind": self.kind, "digest": self.digest(), **self.to_json()}
        write_atomically(path, json.dumps(body, indent=1).encode("ascii"))
