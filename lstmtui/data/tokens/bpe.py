"""Byte pair encoding over bytes, trained with the Hugging Face `tokenizers` library.

Source: Sennrich et al. 2016, arXiv:1508.07909; byte level as in GPT-2 (Radford et al. 2019).
"""

from __future__ import annotations

import codecs
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lstmtui.data.tokens.base import Ids, Tokenizer
from lstmtui.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Engine

DEFAULT_LIMIT = 2048
MIN_LIMIT = 257
PIECE_CHARACTERS = 1 << 16
BATCH_PIECES = 32
MAX_WORD_CHARACTERS = 1 << 20

# GPT-2's pre-tokenizer always starts a new piece at white space after another character. Between white space and the
# next word it depends on what follows.
SAFE_CUT = re.compile(r"(?<=\S)[ \n]")


class Bpe(Tokenizer):
    """The 256 bytes and up to `limit - 256` merges. Every UTF-8 text survives a round trip."""

    kind = "bpe"

    def __init__(self, engine: Engine) -> None:
        """Take a `tokenizers.Tokenizer` with a byte-level BPE model."""
        self._engine = engine
        self._size = engine.get_vocab_size()
        back = {char: byte for byte, char in enumerate(_byte_characters())}
        strings = sorted(engine.get_vocab().items(), key=lambda entry: entry[1])
        self._bytes = [bytes(back[char] for char in string) for string, _ in strings]

    @classmethod
    def train(cls, chunks: Iterable[bytes], limit: int | None = None) -> Self:
        """Learn merges up to `limit` tokens (2048 by default), or until no pair repeats."""
        from tokenizers import Tokenizer as Engine
        from tokenizers import decoders, models, pre_tokenizers, trainers

        if limit is not None and limit < MIN_LIMIT:
            raise UsageError(f"A bpe vocabulary needs at least {MIN_LIMIT} tokens, not {limit}; raise the limit.")
        engine = Engine(models.BPE())
        engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        engine.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=limit or DEFAULT_LIMIT,
            min_frequency=2,
            show_progress=False,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        )
        engine.train_from_iterator(_pieces(chunks), trainer)
        return cls(engine)

    @property
    def size(self) -> int:
        return self._size

    def stream(self, chunks: Iterable[bytes]) -> Iterator[Ids]:
        # A batch is encoded by all processors at once.
        pieces = _pieces(chunks)
        while batch := list(itertools.islice(pieces, BATCH_PIECES)):
            for encoding in self._engine.encode_batch_fast(batch):
                yield np.array(encoding.ids, np.int32)

    def token_bytes(self, i: int) -> bytes:
        return self._bytes[i]

    def to_json(self) -> dict[str, Any]:
        return {"tokenizers": json.loads(self._engine.to_str())}

    def unknown(self, ids: Ids) -> int:
        """Return how many of `ids` are bytes of a character that the vocabulary has no token for."""
        return sum("\ufffd" in self._bytes[int(i)].decode("utf-8", "replace") for i in ids)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        from tokenizers import Tokenizer as Engine

        try:
            return cls(Engine.from_str(json.dumps(body["tokenizers"])))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(str(error)) from error


def _pieces(chunks: Iterable[bytes]) -> Iterator[str]:
    """Divide the text at ends of tokens into strings of some 64 KiB."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    tail = ""
    for chunk in chunks:
        tail += decoder.decode(chunk)
        start = 0
        while len(tail) - start > PIECE_CHARACTERS:
            cut = SAFE_CUT.search(tail, start + PIECE_CHARACTERS)
            if cut is None:
                break
            yield tail[start : cut.start()]
            start = cut.start()
        tail = tail[start:]
        if len(tail) > MAX_WORD_CHARACTERS:
            raise UsageError("The text has a word of more than a million characters; use --tokens bytes or chars.")
    tail += decoder.decode(b"", final=True)
    if tail:
        yield tail


def _byte_characters() -> list[str]:
    """Return the printable character of each byte in byte-level BPE (GPT-2's `bytes_to_unicode`)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
