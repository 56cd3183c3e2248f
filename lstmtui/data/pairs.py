"""Parallel text: pairs of a source and a target line, cleaned by rules that are counted, and tokenised.

    pairs = read_pairs(["pairs.tsv"])  or  read_pairs(["train.en", "train.de"])     from pair_reading
    tokenizers = train_tokenizers(pairs, "bpe", 8000, joint=True)
    corpus, counts = clean(encode_pairs(pairs, tokenizers), Rules())

Spaces around a line are no part of it. A sentence ends with the token of the line end, which no line has within: it
also stands before the first word of a target, as what a decoder reads first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lstmtui.data import tokens
from lstmtui.errors import UsageError

LINE_END = "\n"
Side = Literal["source", "target"]
SIDES: tuple[Side, Side] = ("source", "target")


class Rules(NamedTuple):
    """Which pairs are left out. Lengths are in tokens, without the line end."""

    max_tokens: int = 250
    """Of either side."""
    max_ratio: float = 9.0
    """Of the longer side to the shorter."""


class Counts(NamedTuple):
    """How many pairs there were, and how many each rule has left out; a pair counts for the first that applies."""

    read: int = 0
    empty: int = 0
    """Without a source, or without a target."""
    too_long: int = 0
    ratio: int = 0

    @property
    def left(self) -> int:
        """How many pairs are left."""
        return self.read - self.empty - self.too_long - self.ratio

    def plus(self, other: Counts) -> Counts:
        """Return the counts of both."""
        return Counts(*(mine + its for mine, its in zip(self, other, strict=True)))

    def describe(self, rules: Rules) -> str:
        """Return the counts in a sentence."""
        reasons = {
            "with an empty side": self.empty,
            f"with a side of more than {rules.max_tokens:,} tokens": self.too_long,
            f"with one side more than {rules.max_ratio:g} times as long as the other": self.ratio,
        }
        parts = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
        return f"{self.left:,} of {self.read:,} pairs" + (f"; left out: {', '.join(parts)}" if parts else "")


@dataclass(frozen=True, slots=True)
class Pairs:
    """Lines of text that translate each other, in the order of the files."""

    source: tuple[str, ...]
    target: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)

    def select(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Return the chosen pairs, in their order."""
        if chosen.all():
            return self
        return Pairs(*(tuple(itertools.compress(side, chosen)) for side in (self.source, self.target)))

    def texts(self, side: Side) -> Iterator[bytes]:
        """Yield the text of one side: its lines that are not empty, each with its line end."""
        yield "".join(f"{line.strip()}{LINE_END}" for line in getattr(self, side) if line.strip()).encode()


class Texts(Protocol):
    """What the vocabularies of both sides come from: pairs in memory, or in files."""

    def texts(self, side: Side) -> Iterator[bytes]:
        """Yield the text of one side, piece by piece, as `Pairs.texts` does."""


class Tokenizers(NamedTuple):
    """One tokenizer for each side. Where both share a vocabulary, the target's tokens are the first of the source's."""

    source: tokens.Tokenizer
    target: tokens.Tokenizer


@dataclass(frozen=True, slots=True)
class Sentences:
    """Tokens of one sentence after the other, each with its line end."""

    flat: NDArray[np.integer]
    ends: NDArray[np.int64]
    """(N + 1,): sentence n is flat[ends[n] : ends[n + 1]]."""

    @classmethod
    def of(cls, sentences: Sequence[NDArray[np.integer]]) -> Sentences:
        """Return the sentences side by side."""
        flat = np.concatenate([np.empty(0, np.int32), *sentences]).astype(np.int32, copy=False)
        return cls(flat, np.cumsum([0, *(len(sentence) for sentence in sentences)], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, n: int) -> NDArray[np.integer]:
        return self.flat[self.ends[n] : self.ends[n + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,), line ends included."""
        return np.diff(self.ends)

    def select(self, chosen: NDArray[np.bool_]) -> Sentences:
        """Return the chosen sentences, in their order."""
        if chosen.all():
            return self
        return Sentences.of([self[int(n)] for n in np.flatnonzero(chosen)])


@dataclass(frozen=True, slots=True)
class PairTokens:
    """The tokens of pairs."""

    source: Sentences
    target: Sentences

    def __len__(self) -> int:
        return len(self.source)


# --- tokens -----------------------------------------------------------------------------------------------------------


def train_tokenizers(pairs: Texts, kind: str, limit: int | None = None, *, joint: bool = False) -> Tokenizers:
    """Return tokenizers with the vocabularies of both sides, or `joint`: one vocabulary for the text of both.

    Of a joint one the tokens of targets come first, and the target's tokenizer has them alone: a softmax need not
    choose from words of the source's language. Raises UsageError for a kind or limit that cannot be.
    """
    if joint:
        both = tokens.train(kind, itertools.chain.from_iterable(map(pairs.texts, SIDES)), limit)
        if not isinstance(both, tokens.Bpe):
            return Tokenizers(both, both)
        used = np.zeros(both.size, bool)
        for ids in both.stream(pairs.texts("target")):
            used[ids] = True
        return Tokenizers(*both.parted(np.flatnonzero(used).astype(np.int32)))
    return Tokenizers(*(tokens.train(kind, pairs.texts(side), limit) for side in SIDES))


def line_end(tokenizer: tokens.Tokenizer) -> int:
    """Return the token of the line end, which ends a sentence. Raises UsageError where the vocabulary has none."""
    ids = tokenizer.encode(LINE_END.encode())
    if len(ids) != 1 or ids[0] == tokenizer.unk:
        raise UsageError("The vocabulary has no token for the end of a line; raise its limit.")
    return int(ids[0])


def encode_pairs(pairs: Pairs, tokenizers: Tokenizers) -> PairTokens:
    """Return the tokens of all pairs; an empty line is a line end alone. Raises UsageError as `line_end` does."""
    sides = zip((pairs.source, pairs.target), tokenizers, strict=True)
    return PairTokens(*(Sentences.of(encode_lines(lines, tokenizer)) for lines, tokenizer in sides))


def encode_lines(lines: Sequence[str], tokenizer: tokens.Tokenizer) -> list[NDArray[np.int32]]:
    """Return the tokens of each line, with its line end."""
    end = np.array([line_end(tokenizer)], np.int32)
    return [np.concatenate([tokenizer.encode(line.strip().encode()), end]) for line in lines]


def clean(corpus: PairTokens, rules: Rules) -> tuple[PairTokens, Counts]:
    """Return the pairs that no rule leaves out, and the counts."""
    source, target = corpus.source.lengths - 1, corpus.target.lengths - 1
    longer, shorter = np.maximum(source, target), np.minimum(source, target)
    empty = shorter == 0
    too_long = ~empty & (longer > rules.max_tokens)
    unlike = ~empty & ~too_long & (longer > rules.max_ratio * shorter)
    keep = ~(empty | too_long | unlike)
    counts = Counts(len(corpus), *(int(rule.sum()) for rule in (empty, too_long, unlike)))
    return PairTokens(corpus.source.select(keep), corpus.target.select(keep)), counts


def require_pairs(counts: Counts, rules: Rules) -> None:
    """Raise UsageError where no pair is left."""
    if counts.left == 0:
        raise UsageError(f"No pair can be used: {counts.describe(rules)}; give other files, or other limits.")
