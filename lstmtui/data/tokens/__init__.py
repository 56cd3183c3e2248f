"""Tokenizers: train one on a text, keep it in a file, load it again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from lstmtui.data.tokens.base import FORMAT, Ids, Tokenizer
from lstmtui.data.tokens.bpe import Bpe
from lstmtui.data.tokens.bytes import Bytes
from lstmtui.data.tokens.chars import Chars
from lstmtui.data.tokens.words import Words
from lstmtui.errors import CorruptError, UsageError

__all__ = ["KINDS", "Bpe", "Bytes", "Chars", "Ids", "Tokenizer", "Words", "check_kind", "load", "train"]

KINDS: dict[str, type[Bytes] | type[Chars] | type[Words] | type[Bpe]] = {
    kind.kind: kind for kind in (Bytes, Chars, Words, Bpe)
}


def check_kind(kind: str, limit: int | None) -> None:
    """Raise UsageError unless `kind` is one of ours and `limit` a size it can have."""
    if kind not in KINDS:
        raise UsageError(f"There are no tokens of the kind {kind!r}; choose one of {', '.join(KINDS)}.")
    if limit is not None and limit < 3:
        raise UsageError(f"A vocabulary limit of {limit} leaves nothing to predict; give 3 or more.")


def train(kind: str, chunks: Iterable[bytes], limit: int | None = None) -> Tokenizer:
    """Return a tokenizer of `kind` with the vocabulary of the text in `chunks`, at most `limit` tokens."""
    check_kind(kind, limit)
    return KINDS[kind].train(chunks, limit)


def load(path: Path) -> Tokenizer:
    """Read what `Tokenizer.save` wrote. Raises CorruptError when it is missing, damaged or from another version."""
    try:
        body = json.loads(path.read_bytes())
        if body["format"] != FORMAT:
            raise CorruptError(f"The tokenizer {path} has format {body['format']}, which this version cannot read.")
        tokenizer = KINDS[body["kind"]].from_json(body)
        whole = tokenizer.digest() == body["digest"]
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise CorruptError(f"The tokenizer {path} cannot be read ({reason}); restore it or train again.") from error
    if not whole:
        raise CorruptError(f"The tokenizer {path} does not match its digest; restore it or train again.")
    return tokenizer
