"""Parallel text: pairs of a source and a target line, read, cleaned by rules that are counted, and tokenised.

    pairs = read_pairs(["pairs.tsv"])  or  read_pairs(["train.en", "train.de"])
    tokenizers = train_tokenizers(pairs, "bpe", 8000, joint=True)
    corpus, counts = clean(encode_pairs(pairs, tokenizers), Rules())

Text is read as any corpus is: UTF-8 or a named encoding, in Unicode's normal form C, without byte order marks. Spaces
around a line are no part of it. A sentence ends with the token of the line end, which no line has within: it also
stands before the first word of a target, as what a decoder reads first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.data import tokens
from lstmtui.data.reading import ReadOptions, read_text
from lstmtui.errors import UsageError

LINE_END = "\n"


class Rules(NamedTuple):
    """Which pairs are left out. Lengths are in tokens, without the line end."""

    max_tokens: int = 250
    """Of either side."""
    max_ratio: float = 9.0
    """Of the longer side to the shorter."""


class Counts(NamedTuple):
    """How many pairs there were, and how many each rule has left out; a pair counts for the first that applies."""

    read: int
    empty: int
    """Without a source, or without a target."""
    too_long: int
    ratio: int

    @property
    def left(self) -> int:
        """How many pairs are left."""
        return self.read - self.empty - self.too_long - self.ratio

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


class Tokenizers(NamedTuple):
    """One tokenizer for each side. Where both share a vocabulary, the target's tokens are the first of the source's."""

    source: tokens.Tokenizer
    target: tokens.Tokenizer


@dataclass(frozen=True, slots=True)
class Sentences:
    """Tokens of one sentence after the other, each with its line end."""

    flat: NDArray[np.int32]
    ends: NDArray[np.int64]
    """(N + 1,): sentence n is flat[ends[n] : ends[n + 1]]."""

    @classmethod
    def of(cls, sentences: Sequence[NDArray[np.int32]]) -> Sentences:
        """Return the sentences side by side."""
        flat = np.concatenate([np.empty(0, np.int32), *sentences]).astype(np.int32, copy=False)
        return cls(flat, np.cumsum([0, *(len(sentence) for sentence in sentences)], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, n: int) -> NDArray[np.int32]:
        return self.flat[self.ends[n] : self.ends[n + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,), line ends included."""
        return np.diff(self.ends)

    def select(self, chosen: NDArray[np.bool_]) -> Sentences:
        """Return the chosen sentences, in their order."""
        return Sentences.of([self[int(n)] for n in np.flatnonzero(chosen)])


@dataclass(frozen=True, slots=True)
class PairTokens:
    """The tokens of pairs."""

    source: Sentences
    target: Sentences

    def __len__(self) -> int:
        return len(self.source)


# --- reading ----------------------------------------------------------------------------------------------------------


def read_pairs(names: Sequence[str], *, encoding: str = "", cache: Path | None = None) -> Pairs:
    """Return the pairs of one table (source, tab, target, and columns that are ignored) or of two files of lines.

    Raises UsageError for files that are not text, that have different numbers of lines, or a table without tabs.
    """
    if len(names) not in (1, 2):
        raise UsageError(
            f"Parallel text is one table of source and target, or two files, not {len(names)}; give one or two files."
        )
    options = ReadOptions(encoding=encoding, keep_everything=True)
    texts = [_lines(name, options, cache) for name in names]
    if len(texts) == 1:
        return _columns(names[0], texts[0])
    source, target = texts
    if len(source) != len(target):
        raise UsageError(
            f"The files {names[0]} and {names[1]} have {len(source):,} and {len(target):,} lines; line by line, one "
            f"must be the translation of the other."
        )
    return Pairs(tuple(source), tuple(target))


def _lines(name: str, options: ReadOptions, cache: Path | None) -> list[str]:
    text = read_text([name], options, cache=cache).decode("utf-8")
    return text.removesuffix(LINE_END).split(LINE_END)


def _columns(name: str, lines: list[str]) -> Pairs:
    if not any("\t" in line for line in lines):
        raise UsageError(
            f"The file {name} has no tab in any line, so there are no targets; give a table of source, tab and target, "
            f"or the file of the targets as a second one."
        )
    columns = [(*line.split("\t"), "")[:2] for line in lines]
    return Pairs(tuple(source for source, _ in columns), tuple(target for _, target in columns))


# --- tokens -----------------------------------------------------------------------------------------------------------


def train_tokenizers(pairs: Pairs, kind: str, limit: int | None = None, *, joint: bool = False) -> Tokenizers:
    """Return tokenizers with the vocabularies of both sides, or `joint`: one vocabulary for the text of both.

    Of a joint one the tokens of targets come first, and the target's tokenizer has them alone: a softmax need not
    choose from words of the source's language. Raises UsageError for a kind or limit that cannot be.
    """
    texts = [_text(pairs.source), _text(pairs.target)]
    if joint:
        both = tokens.train(kind, texts, limit)
        if not isinstance(both, tokens.Bpe):
            return Tokenizers(both, both)
        return Tokenizers(*both.parted(np.unique(both.encode(texts[1]))))
    return Tokenizers(*(tokens.train(kind, [text], limit) for text in texts))


def _text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line.strip()}{LINE_END}" for line in lines if line.strip()).encode()


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
    """Return the pairs that no rule leaves out, and the counts. Raises UsageError where none is left."""
    source, target = corpus.source.lengths - 1, corpus.target.lengths - 1
    longer, shorter = np.maximum(source, target), np.minimum(source, target)
    empty = shorter == 0
    too_long = ~empty & (longer > rules.max_tokens)
    unlike = ~empty & ~too_long & (longer > rules.max_ratio * shorter)
    counts = Counts(len(corpus), *(int(rule.sum()) for rule in (empty, too_long, unlike)))
    if counts.left == 0:
        raise UsageError(f"No pair can be used: {counts.describe(rules)}; give other files, or other limits.")
    keep = ~(empty | too_long | unlike)
    return PairTokens(corpus.source.select(keep), corpus.target.select(keep)), counts
