"""From the settings of a translation run to its pairs of sentences: training, validation and test.

Validation and test pairs that are not files of their own are held out from the training pairs, all pairs of a source
together, so that no sentence that is tested was trained on with another translation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstmtui import recipe
from lstmtui.config import FIELDS, DataSettings, RunSettings, Settings
from lstmtui.data.pairs import Pairs, read_pairs
from lstmtui.errors import UsageError

SWAPPED = 1.5
"""Validation text is called swapped where it is so many times as like the other side as its own."""


@dataclass(frozen=True, slots=True)
class ParallelCorpus:
    """The pairs of a translation run; the parts for validation and test may be empty."""

    train: Pairs
    valid: Pairs
    test: Pairs

    @property
    def bytes(self) -> int:
        """The size of both sides of the training text."""
        return sum(len(line.encode()) + 1 for side in (self.train.source, self.train.target) for line in side)

    def resolve(self, settings: Settings) -> RunSettings:
        """Return `settings` with every open field chosen by the recipe for this text."""
        return recipe.resolve_translation(settings, pairs=len(self.train.source), corpus_bytes=self.bytes)

    def notes(self) -> list[str]:
        """Return what a person should know before a run trains on it, a sentence each."""
        found = []
        empty = sum(not (source.strip() and target.strip()) for source, target in _rows(self.train))
        if empty:
            found.append(f"Of {len(self.train.source):,} pairs, {empty:,} have an empty side and are left out.")
        if _is_swapped(self.train, self.valid):
            found.append(
                "The validation pairs seem to be swapped: their sources are more like the targets of the training text."
            )
        trained = set(_rows(self.train))
        if self.valid.source and all(row in trained for row in _rows(self.valid)):
            found.append(
                "The validation pairs are part of the training pairs, so they cannot distinguish learning from "
                "memorising; give --valid pairs that are not trained on, or none."
            )
        return found


def open_pairs(s: DataSettings) -> ParallelCorpus:
    """Read all pairs of a run with settings `s`, and split them.

    Raises UsageError as `read_pairs` does, and where no file is named or no pair has two sides.
    """
    if s.corpus == FIELDS["corpus"].default:
        raise UsageError(
            "A translator is trained on pairs of sentences; give a table (source, tab, target) or two files of lines."
        )
    everything = read_pairs(s.corpus, encoding=s.encoding)
    drawn = _draws(everything.source)
    is_valid = drawn < (0.0 if s.valid else s.valid_fraction)
    is_test = drawn >= 1 - (0.0 if s.test else s.test_fraction)
    if not any(source.strip() and target.strip() for source, target in _rows(everything)):
        raise UsageError(f"No pair of {' and '.join(s.corpus)} has both a source and a target; give other files.")
    return ParallelCorpus(
        train=select(everything, ~(is_valid | is_test)),
        valid=read_pairs(s.valid, encoding=s.encoding) if s.valid else select(everything, is_valid),
        test=read_pairs(s.test, encoding=s.encoding) if s.test else select(everything, is_test),
    )


def select(pairs: Pairs, chosen: NDArray[np.bool_]) -> Pairs:
    """Return the chosen pairs, in their order."""
    return Pairs(*(tuple(side[n] for n in np.flatnonzero(chosen)) for side in (pairs.source, pairs.target)))


def _draws(lines: Sequence[str]) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each line, which follows from the line."""
    digests = (hashlib.blake2b(line.strip().encode(), digest_size=6).digest() for line in lines)
    return np.array([int.from_bytes(digest, "big") / (1 << 48) for digest in digests])


def _rows(pairs: Pairs) -> list[tuple[str, str]]:
    return list(zip(pairs.source, pairs.target, strict=True))


def _is_swapped(train: Pairs, valid: Pairs) -> bool:
    """Return whether the words of validation sources are those of training targets, and the other way round."""
    sides = [{word for line in side for word in line.split()} for side in (train.source, train.target)]

    def known(lines: Sequence[str], words: set[str]) -> float:
        found = [word in words for line in lines for word in line.split()]
        return sum(found) / max(1, len(found))

    own = known(valid.source, sides[0]), known(valid.target, sides[1])
    other = known(valid.source, sides[1]), known(valid.target, sides[0])
    return all(b > SWAPPED * a for a, b in zip(own, other, strict=True))
