"""Every byte is a token, so that any file can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from lstmtui.data.tokens.base import Ids, Tokenizer
from lstmtui.errors import UsageError


class Bytes(Tokenizer):
    """256 tokens; id = byte. Every input survives a round trip."""

    kind = "bytes"

    @classmethod
    def train(cls, chunks: Iterable[bytes], limit: int | None = None) -> Self:
        """Return the tokenizer without reading the text. Raises UsageError for a limit, which does not apply."""
        if limit is not None:
            raise UsageError("A vocabulary limit does not go with --tokens bytes; leave it out, or use words or bpe.")
        return cls()

    @property
    def size(self) -> int:
        return 256

    def stream(self, chunks: Iterable[bytes]) -> Iterator[Ids]:
        for chunk in chunks:
            yield np.frombuffer(chunk, np.uint8).astype(np.int32)

    def token_bytes(self, i: int) -> bytes:
        return bytes((i,))

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        return cls()
