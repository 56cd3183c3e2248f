"""The parallel text of a run: training, validation and test pairs as tokens, and their tokenizers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from lstmtui.common.files import exists
from lstmtui.config import RunSettings
from lstmtui.data.pairs import (
    Counts,
    Pairs,
    PairTokens,
    Rules,
    Tokenizers,
    clean,
    encode_pairs,
    train_tokenizers,
)
from lstmtui.data.parallel_corpus import open_pairs, select
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.inference.loaded_translator import TARGET_TOKENIZER, is_joint
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Part:
    """Pairs of one split, as text and as tokens, in the same order."""

    pairs: Pairs
    tokens: PairTokens


@dataclass(frozen=True, slots=True)
class PairData:
    """All that a translation model trains on and is evaluated with; an empty part is None."""

    train: PairTokens
    valid: Part | None
    test: Part | None
    tokenizers: Tokenizers
    counts: Counts
    """How the training pairs were cleaned."""

    def digest(self) -> str:
        """Return the digest of training pairs and vocabularies."""
        found = hashlib.sha256("".join(tokenizer.digest() for tokenizer in self.tokenizers).encode())
        for side in (self.train.source, self.train.target):
            found.update(side.flat.tobytes())
            found.update(side.ends.tobytes())
        return found.hexdigest()


def load_pairs(s: RunSettings, rules: Rules) -> PairData:
    """Return the parallel text of these settings, tokenised.

    Raises UsageError as `open_pairs` does, and where no pair is left.
    """
    corpus = open_pairs(s.data)
    tokenizers = train_tokenizers(corpus.train, s.data.tokens, s.data.vocabulary, joint=is_joint(s))
    train, counts = clean(encode_pairs(corpus.train, tokenizers), rules)
    valid, test = (_part(pairs, tokenizers, rules) for pairs in (corpus.valid, corpus.test))
    return PairData(train, valid, test, tokenizers, counts)


def _part(pairs: Pairs, tokenizers: Tokenizers, rules: Rules) -> Part | None:
    """Return the pairs that a model can read: sentences are not left out for being unlike, but for being too long."""
    encoded = encode_pairs(pairs, tokenizers)
    lengths = np.stack([encoded.source.lengths, encoded.target.lengths]) - 1
    usable = (lengths.min(axis=0) > 0) & (lengths.max(axis=0) <= rules.max_tokens)
    if not usable.any():
        return None
    return Part(select(pairs, usable), PairTokens(encoded.source.select(usable), encoded.target.select(usable)))


def store_tokenizers(run: RunFolder, tokenizers: Tokenizers) -> None:
    """Store the tokenizers in the run folder, or check that they are those there. Raises CorruptError."""
    for tokenizer, path in zip(tokenizers, (run.tokenizer, run.path / TARGET_TOKENIZER), strict=True):
        if not exists(path):
            tokenizer.save(path)
        elif load_tokenizer(path).digest() != tokenizer.digest():
            raise CorruptError(f"{path} is not the tokenizer of this run's text; start a new run.")
