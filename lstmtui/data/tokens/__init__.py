"""Tokenizers: trained on a text, stored in a file and loaded from it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lstmtui.common.files import parse_object, read_file
from lstmtui.data.tokens.base import FORMAT, Ids, Tokenizer
from lstmtui.data.tokens.bpe import Bpe
from lstmtui.data.tokens.bytes import Bytes
from lstmtui.data.tokens.chars import Chars
from lstmtui.data.tokens.words import Words
from lstmtui.errors import CorruptError, UsageError

__all__ = [
    "FILE", "KINDS", "Bpe", "Bytes", "Chars", "Ids", "Tokenizer", "Words", "carried_ids", "check_kind", "load", "parse",
    "train",
]  # fmt: skip

KINDS: dict[str, type[Bytes] | type[Chars] | type[Words] | type[Bpe]] = {
    kind.kind: kind for kind in (Bytes, Chars, Words, Bpe)
}


FILE = "tokenizer.json"
"""The file of a tokenizer in the folder of a run."""
MAX_FILE_BYTES = 256 << 20
"""The largest tokenizer file that is read: some ten million words."""


def check_kind(kind: str, limit: int | None) -> None:
    """Raise UsageError unless `kind` exists and `limit` is a possible vocabulary size."""
    if kind not in KINDS:
        raise UsageError(f"There are no tokens of the kind {kind!r}; choose one of {', '.join(KINDS)}.")
    if limit is not None and limit < 3:
        raise UsageError(f"A vocabulary limit of {limit} leaves nothing to predict; give 3 or more.")


def train(
    kind: str, chunks: Iterable[bytes], limit: int | None = None, *, exact: bool = False, marks: bool = False
) -> Tokenizer:
    """Return a tokenizer of `kind` with the vocabulary of the text in `chunks`, at most `limit` tokens.

    exact    words end at ASCII spaces alone, in scripts without spaces too
    marks    a mark behind a word is a token of its own
    """
    check_kind(kind, limit)
    if kind == Words.kind:
        return Words.train(chunks, limit, exact=exact, marks=marks)
    return KINDS[kind].train(chunks, limit)


def carried_ids(before: Tokenizer, after: Tokenizer) -> Ids:
    """Return the id that each token of `after` has in `before`, (after.size,); -1 for those that it lacks."""
    if before.digest() == after.digest():
        return np.arange(after.size, dtype=np.int32)
    # In reverse, so that <unk> keeps its place where the text has the character that stands for it.
    known = {before.token_bytes(i): i for i in reversed(range(before.size))}
    return np.array([known.get(after.token_bytes(i), -1) for i in range(after.size)], np.int32)


def load(path: Path) -> Tokenizer:
    """Return the tokenizer in `path`. Raises CorruptError where it is missing, damaged or of another version."""
    try:
        data = read_file(path, MAX_FILE_BYTES)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if data is None:
        raise _unreadable(path, "No such file or directory")
    return parse(data, path)


def _unreadable(path: Path, reason: str) -> CorruptError:
    return CorruptError(f"The tokenizer {path} cannot be read ({reason}); restore it or train again.")


def parse(data: bytes, path: Path) -> Tokenizer:
    """Return the tokenizer in `data`, the content of `path`. Raises CorruptError."""
    try:
        body = parse_object(data, MAX_FILE_BYTES)
        if body["format"] != FORMAT:
            raise CorruptError(f"The tokenizer {path} has format {body['format']}, which this version cannot read.")
        tokenizer = KINDS[body["kind"]].from_json(body)
        is_intact = tokenizer.digest() == body["digest"]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unreadable(path, "it is damaged") from error
    if not is_intact:
        raise CorruptError(f"The tokenizer {path} does not match its digest; restore it or train again.")
    return tokenizer
