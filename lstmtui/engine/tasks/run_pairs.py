"""The parallel text of a run: training, validation and test pairs as tokens, and their tokenizers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.files import exists
from lstmtui.config import DataSettings
from lstmtui.data.pairs import (
    Counts,
    Pairs,
    PairTokens,
    Rules,
    Tokenizers,
    clean,
    encode_pairs,
    read_pairs,
    train_tokenizers,
)
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.inference.loaded_translator import JOINT, TARGET_TOKENIZER
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

    @property
    def joint(self) -> bool:
        """Whether both sides share a vocabulary."""
        return self.tokenizers.source is self.tokenizers.target

    def digest(self) -> str:
        """Return the digest of training pairs and vocabularies."""
        found = hashlib.sha256("".join(tokenizer.digest() for tokenizer in self.tokenizers).encode())
        for side in (self.train.source, self.train.target):
            found.update(side.flat.tobytes())
            found.update(side.ends.tobytes())
        return found.hexdigest()


def load_pairs(s: DataSettings, rules: Rules) -> PairData:
    """Return the parallel text of these settings.

    Validation and test pairs that are not files of their own are held out from the training pairs, all pairs of a
    source together. Raises UsageError as `read_pairs` does, and where no pair is left.
    """
    everything = read_pairs(s.corpus, encoding=s.encoding)
    drawn = _draws(everything.source)
    of_valid = 0.0 if s.valid else s.valid_fraction
    of_test = 0.0 if s.test else s.test_fraction
    is_valid, is_test = drawn < of_valid, drawn >= 1 - of_test
    train = _select(everything, ~(is_valid | is_test))
    tokenizers = train_tokenizers(train, s.tokens, s.vocabulary, joint=s.tokens in JOINT)
    corpus, counts = clean(encode_pairs(train, tokenizers), rules)
    valid = read_pairs(s.valid, encoding=s.encoding) if s.valid else _select(everything, is_valid)
    test = read_pairs(s.test, encoding=s.encoding) if s.test else _select(everything, is_test)
    return PairData(corpus, _part(valid, tokenizers, rules), _part(test, tokenizers, rules), tokenizers, counts)


def _draws(lines: Sequence[str]) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each line, which follows from the line."""
    digests = (hashlib.blake2b(line.strip().encode(), digest_size=6).digest() for line in lines)
    return np.array([int.from_bytes(digest, "big") / (1 << 48) for digest in digests])


def _select(pairs: Pairs, chosen: NDArray[np.bool_]) -> Pairs:
    return Pairs(*(tuple(side[n] for n in np.flatnonzero(chosen)) for side in (pairs.source, pairs.target)))


def _part(pairs: Pairs, tokenizers: Tokenizers, rules: Rules) -> Part | None:
    """Return the pairs that a model can read: sentences are not left out for being unlike, but for being too long."""
    encoded = encode_pairs(pairs, tokenizers)
    lengths = np.stack([encoded.source.lengths, encoded.target.lengths]) - 1
    usable = (lengths.min(axis=0) > 0) & (lengths.max(axis=0) <= rules.max_tokens)
    if not usable.any():
        return None
    return Part(_select(pairs, usable), PairTokens(encoded.source.select(usable), encoded.target.select(usable)))


def store_tokenizers(run: RunFolder, tokenizers: Tokenizers) -> None:
    """Store the tokenizers in the run folder, or check that they are those there. Raises CorruptError."""
    for tokenizer, path in zip(tokenizers, (run.tokenizer, run.path / TARGET_TOKENIZER), strict=True):
        if not exists(path):
            tokenizer.save(path)
        elif load_tokenizer(path).digest() != tokenizer.digest():
            raise CorruptError(f"{path} is not the tokenizer of this run's text; start a new run.")
