"""Words between spaces, as the Penn Treebank and WikiText files are read in the literature.

A line is its words followed by `<eos>`, the line end itself; a word outside the vocabulary is `<unk>`. In a script
without spaces, such as Chinese, each character is a word, and decoding puts no space between them.

With `marks`, a mark behind a word is a token of its own, so that "woman:", "woman," and "woman" are one word.
Source: Mikolov et al. 2010, "Recurrent neural network based language model"; Zaremba et al. 2014, arXiv:1409.2329.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.word_boundaries import separated_by_space, split_at_spaces
from lstmtui.data.tokens.base import Ids, Tokenizer
from lstmtui.errors import UsageError

UNK, EOS = b"<unk>", b"\n"
DEFAULT_LIMIT = 10_000
MAX_WORD_BYTES = 1 << 20
SPACES = (b" ", b"\n", b"\t", b"\r", b"\v", b"\f")
MARKS = b":,;.!?"
"""What may stand behind a word without a space, each a token with `marks`."""


class Words(Tokenizer):
    """Id 0 is `<unk>`, id 1 the line end, then the words by falling frequency.

    Text of known words with single spaces survives a round trip; other spacing becomes one space, and none before a
    mark that is a token.
    """

    kind = "words"
    joiner = b" "
    unk = 0
    eos = 1

    def __init__(self, words: Sequence[bytes], *, only_spaces: bool = False, marks: bool = False) -> None:
        """Take the words without `<unk>` and line end, most frequent first.

        only_spaces    words end at ASCII spaces alone, in every script
        marks          each of MARKS behind a word is a token
        """
        self.words, self.only_spaces, self.marks = tuple(words), only_spaces, marks
        split: Callable[[bytes], list[bytes]] = bytes.split if only_spaces else split_at_spaces
        self._split = (lambda body: _with_marks(split(body))) if marks else split
        self._ids = {word: i for i, word in enumerate((UNK, EOS, *self.words))}
        if len(self._ids) != self.size or any(self._split(word) != [word] for word in self.words):
            raise ValueError("words repeated, empty or with spaces")

    @classmethod
    def train(
        cls, chunks: Iterable[bytes], limit: int | None = None, *, exact: bool = False, marks: bool = False
    ) -> Self:
        """Keep the `limit` most frequent types, `<unk>` and `<eos>` included.

        Without a limit: every type of a text that marks unknown words as `<unk>` itself, as Penn Treebank and WikiText
        do; else the 10,000 most frequent of the words with two occurrences or more, so that `<unk>` is learnt too.
        """
        counts = cls((), only_spaces=exact, marks=marks)._count(chunks)
        marked = counts.pop(UNK, 0) > 0
        if limit is None and not marked:
            counts, limit = _repeated(counts) or counts, DEFAULT_LIMIT
        ranked = _by_frequency(counts)
        return cls(ranked if limit is None else ranked[: max(0, limit - 2)], only_spaces=exact, marks=marks)

    def extended(self, chunks: Iterable[bytes], limit: int | None = None) -> Words:
        """Return the words of this one, then those that the text has twice or more, by falling frequency."""
        counts = self._count(chunks)
        new = [word for word in _by_frequency(_repeated(counts)) if word not in self._ids]
        room = len(new) if limit is None else max(0, limit - self.size)
        return Words((*self.words, *new[:room]), only_spaces=self.only_spaces, marks=self.marks)

    def _count(self, chunks: Iterable[bytes]) -> Counter[bytes]:
        counts: Counter[bytes] = Counter()
        for body in _whole_words(chunks):
            counts.update(self._split(body))
        return counts

    @property
    def size(self) -> int:
        return len(self.words) + 2

    def stream(self, chunks: Iterable[bytes]) -> Iterator[Ids]:
        find, split, eos = self._ids.get, self._split, self.eos
        for body in _whole_words(chunks):
            *lines, rest = body.split(b"\n")
            ids: list[int] = []
            for line in lines:
                ids += [find(word, 0) for word in split(line)]
                ids.append(eos)
            ids += [find(word, 0) for word in split(rest)]
            yield np.array(ids, np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer]) -> bytes:
        """Return the words with single spaces, and none around a line end."""
        pieces = [self._pieces[int(i)] for i in ids]
        if self._all_apart:
            return b" ".join(pieces).replace(b" \n", b"\n").replace(b"\n ", b"\n")
        spaces = (self.between(*pair) for pair in itertools.pairwise(pieces))
        return b"".join([*pieces[:1], *(space + piece for space, piece in zip(spaces, pieces[1:], strict=True))])

    @cached_property
    def _all_apart(self) -> bool:
        return not self.marks and (self.only_spaces or all(word.isascii() for word in self.words))

    def between(self, before: bytes, after: bytes) -> bytes:
        if after == EOS or before.endswith(EOS):  # no line begins or ends with a space
            return b""
        if self.marks and len(after) == 1 and after in MARKS:
            return b""
        return b" " if self.only_spaces or separated_by_space(before, after) else b""

    def token_bytes(self, i: int) -> bytes:
        return self.words[i - 2] if i > 1 else (UNK, EOS)[i]

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"words": [word.decode("utf-8", "surrogateescape") for word in self.words]}
        body |= {"marks": True} if self.marks else {}
        return body if self.only_spaces else {**body, "scripts": True}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        words = [word.encode("utf-8", "surrogateescape") for word in body["words"]]
        return cls(words, only_spaces=not body.get("scripts", False), marks=body.get("marks", False) is True)


def _with_marks(words: Iterable[bytes]) -> list[bytes]:
    """Return words with the marks behind each as tokens of their own."""
    found = []
    for word in words:
        bare = word.rstrip(MARKS)
        found += [bare] if bare else []
        found += [bytes([mark]) for mark in word[len(bare) :]]
    return found


def _repeated(counts: Counter[bytes]) -> Counter[bytes]:
    return Counter({word: n for word, n in counts.items() if n > 1})


def _by_frequency(counts: Counter[bytes]) -> list[bytes]:
    return sorted(counts, key=lambda word: (-counts[word], word))


def _whole_words(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Divide the text after spaces, so that no piece ends within a word."""
    tail = b""
    for chunk in chunks:
        data = tail + chunk
        cut = 1 + max(data.rfind(space) for space in SPACES)
        if cut:
            yield data[:cut]
        tail = data[cut:]
        if len(tail) > MAX_WORD_BYTES:
            raise UsageError("The text has a word of more than a million bytes; use --tokens bytes or chars for it.")
    if tail:
        yield tail
