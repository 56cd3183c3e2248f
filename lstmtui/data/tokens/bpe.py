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

    def __init__(self, engine: Engine, size: int | None = None) -> None:
        """Take a `tokenizers.Tokenizer` with a byte-level BPE model.

        size  how many of its tokens this tokenizer has, the first ones, with all bytes among them; None for all. Text
              of another token is written in bytes. Raises ValueError where a byte is missing.
        """
        self._engine, self._whole = engine, engine.get_vocab_size()
        self._size = self._whole if size is None else size
        back = {char: byte for byte, char in enumerate(byte_characters())}
        strings = sorted(engine.get_vocab().items(), key=lambda entry: entry[1])
        self._bytes = [bytes(back[char] for char in string) for string, _ in strings]
        self._of_byte = {piece[0]: i for i, piece in enumerate(self._bytes[: self._size]) if len(piece) == 1}
        if not 0 < self._size <= self._whole or len(self._of_byte) < 256:
            raise ValueError(f"a part of {self._size} tokens without all bytes")

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
                ids = np.array(encoding.ids, np.int32)
                yield ids if self._size == self._whole else self._within(ids)

    def _within(self, ids: Ids) -> Ids:
        """Return ids in which each token that this tokenizer lacks is written in bytes."""
        lacking = np.flatnonzero(ids >= self._size)
        if not len(lacking):
            return ids
        spelt = {n: [self._of_byte[byte] for byte in self._bytes[ids[n]]] for n in lacking.tolist()}
        return np.array([i for n, id_ in enumerate(ids.tolist()) for i in spelt.get(n, (id_,))], np.int32)

    def parted(self, chosen: Ids) -> tuple[Bpe, Bpe]:
        """Return the same tokens in another order, all bytes and the `chosen` ones first, and a tokenizer of these."""
        comes_first = np.array([len(piece) == 1 for piece in self._bytes])
        comes_first[chosen] = True
        place = np.empty(self._whole, int)
        place[np.argsort(~comes_first, kind="stable")] = np.arange(self._whole)
        body = json.loads(self._engine.to_str())
        body["model"]["vocab"] = {piece: int(place[i]) for piece, i in body["model"]["vocab"].items()}
        whole = Bpe.from_json({"tokenizers": body})
        return whole, Bpe(whole._engine, int(comes_first.sum()))

    def token_bytes(self, i: int) -> bytes:
        return self._bytes[i]

    def to_json(self) -> dict[str, Any]:
        body = {"tokenizers": json.loads(self._engine.to_str())}
        return body if self._size == self._whole else {**body, "size": self._size}

    def unknown(self, ids: Ids) -> int:
        """Return how many of `ids` are bytes of a character that the vocabulary has no token for."""
        return sum("\ufffd" in self._bytes[int(i)].decode("utf-8", "replace") for i in ids)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        from tokenizers import Tokenizer as Engine

        try:
            return cls(Engine.from_str(json.dumps(body["tokenizers"])), body.get("size"))
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


def byte_characters() -> list[str]:
    """Return the printable character of each byte in byte-level BPE (GPT-2's `bytes_to_unicode`)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
