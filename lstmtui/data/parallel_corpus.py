"""From the settings of a translation run to its pairs of sentences: training, validation and test.

Validation and test pairs that are not files of their own are held out from the training pairs, all pairs of a source
together, so that no sentence that is tested was trained on with another translation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstmtui import recipe
from lstmtui.config import FIELDS, DataSettings, RunSettings, Settings
from lstmtui.data.pair_reading import PairStream, joined, open_stream, read_pairs
from lstmtui.data.pairs import Pairs, Side
from lstmtui.errors import UsageError

SWAPPED = 1.5
"""Validation text is called swapped where it is so many times as like the other side as its own."""
SAMPLE_PAIRS = 200_000
"""Training pairs that it is compared with at most."""
MAX_HELD_OUT = 50_000
"""Pairs of a part that are held out at most: their lines are kept in memory, and all are evaluated."""


@dataclass(frozen=True, slots=True)
class TrainingPairs:
    """The pairs that are trained on, read from their files in every pass."""

    stream: PairStream
    chosen: NDArray[np.bool_]
    """(N,): which pairs of the files these are."""
    size: int
    """Of both sides, in bytes."""
    empty: int
    """How many pairs have an empty side."""

    def __len__(self) -> int:
        return int(np.count_nonzero(self.chosen))

    def chunks(self) -> Iterator[Pairs]:
        """Yield the pairs in their order, chunk by chunk. Raises UsageError where the files have changed."""
        at = 0
        for chunk in self.stream.chunks():
            chosen = self.chosen[at : at + len(chunk)]
            at += len(chunk)
            if len(chosen) < len(chunk):
                break
            yield chunk.select(chosen)
        if at != len(self.chosen):
            raise UsageError(f"{' and '.join(self.stream.names)} changed while being read; start again.")

    def texts(self, side: Side) -> Iterator[bytes]:
        """Yield the text of one side, as `Pairs.texts` does."""
        for chunk in self.chunks():
            yield from chunk.texts(side)


@dataclass(frozen=True, slots=True)
class ParallelCorpus:
    """The pairs of a translation run; the parts for validation and test may be empty."""

    train: TrainingPairs
    valid: Pairs
    test: Pairs
    has_own_valid: bool = False
    """Whether the validation pairs come from files of their own."""

    def resolve(self, settings: Settings) -> RunSettings:
        """Return `settings` with every open field chosen by the recipe for this text."""
        return recipe.resolve_translation(settings, pairs=len(self.train), corpus_bytes=self.train.size)

    def notes(self) -> list[str]:
        """Return what a person should know before a run trains on it, a sentence each."""
        found = []
        if self.train.empty:
            found.append(f"Of {len(self.train):,} pairs, {self.train.empty:,} have an empty side and are left out.")
        if _is_swapped(self.train, self.valid):
            found.append(
                "The validation pairs seem to be swapped: their sources are more like the targets of the training text."
            )
        if self._are_trained_on():
            found.append(
                "The validation pairs are part of the training pairs, so they cannot distinguish learning from "
                "memorising; give --valid pairs that are not trained on, or none."
            )
        return found

    def _are_trained_on(self) -> bool:
        """Return whether all validation pairs are training pairs; those that were held out are not."""
        if not self.has_own_valid or not len(self.valid):
            return False
        missing = set(_rows(self.valid))
        for chunk in self.train.chunks():
            missing.difference_update(_rows(chunk))
        return not missing


def open_pairs(s: DataSettings) -> ParallelCorpus:
    """Read all pairs of a run with settings `s`, and split them; those that are trained on are not kept in memory.

    Raises UsageError as `open_stream` and its `chunks` do, and where no file is named or no pair has two sides.
    """
    if s.corpus == FIELDS["corpus"].default:
        raise UsageError(
            "A translator is trained on pairs of sentences; give a table (source, tab, target) or two files of lines."
        )
    stream = open_stream(s.corpus, encoding=s.encoding)
    valid = _HeldOut(below=0.0 if s.valid else s.valid_fraction)
    # From the other end: what is held out does not change with the fraction of the other part.
    test = _HeldOut(below=np.nextafter((0.0 if s.test else s.test_fraction) - 1, np.inf))
    chosen = []
    count = size = usable = 0
    for chunk in stream.chunks():
        drawn = _draws(chunk.source)
        chosen.append(~(valid.take(chunk, drawn, count) | test.take(chunk, -drawn, count)))
        count += len(chunk)
        size += _size(chunk)
        usable += _usable(chunk)
    if not usable:
        raise UsageError(f"No pair of {' and '.join(s.corpus)} has both a source and a target; give other files.")
    is_trained = np.concatenate(chosen)
    for part in (valid, test):
        held_out = part.finish()
        is_trained[part.released()] = True
        size -= _size(held_out)
        usable -= _usable(held_out)
    empty = int(np.count_nonzero(is_trained)) - usable
    return ParallelCorpus(
        train=TrainingPairs(stream, is_trained, size, empty),
        valid=read_pairs(s.valid, encoding=s.encoding) if s.valid else valid.finish(),
        test=read_pairs(s.test, encoding=s.encoding) if s.test else test.finish(),
        has_own_valid=bool(s.valid),
    )


class _HeldOut:
    """Pairs whose keys, which follow from their sources, are below a bound; it falls where there would be too many."""

    def __init__(self, below: float) -> None:
        self._below = below
        self._pairs = [Pairs((), ())]
        self._keys: list[NDArray[np.float64]] = [np.empty(0)]
        """Of each piece of `_pairs`."""
        self._seen: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
        """Places in the files and keys of the pairs that were taken, released ones included."""

    def take(self, pairs: Pairs, keys: NDArray[np.float64], first: int) -> NDArray[np.bool_]:
        """Take some pairs of a chunk, the first of which is number `first`, and return which (n,)."""
        chosen = keys < self._below
        self._pairs.append(pairs.select(chosen))
        self._keys.append(keys[chosen])
        self._seen.append((np.flatnonzero(chosen) + first, keys[chosen]))
        if sum(map(len, self._keys)) > 2 * MAX_HELD_OUT:
            self.finish()
        return chosen

    def finish(self) -> Pairs:
        """Return the pairs, at most MAX_HELD_OUT of them; all pairs of a source stay together."""
        pairs, keys = joined(self._pairs), np.concatenate(self._keys)
        if len(keys) > MAX_HELD_OUT:
            self._below = float(np.partition(keys, MAX_HELD_OUT)[MAX_HELD_OUT])
            pairs, keys = pairs.select(keys < self._below), keys[keys < self._below]
        self._pairs, self._keys = [pairs], [keys]
        return pairs

    def released(self) -> NDArray[np.intp]:
        """Return the places of pairs that were taken and are not among those of `finish`."""
        return np.concatenate([np.empty(0, np.intp), *(at[keys >= self._below] for at, keys in self._seen)])


def _draws(lines: Sequence[str]) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each line, which follows from the line."""
    digests = (hashlib.blake2b(line.strip().encode(), digest_size=6).digest() for line in lines)
    return np.array([int.from_bytes(digest, "big") / (1 << 48) for digest in digests])


def _size(pairs: Pairs) -> int:
    """Return the size of both sides in bytes, with line ends."""
    return sum(len("".join(side).encode()) + len(side) for side in (pairs.source, pairs.target))


def _usable(pairs: Pairs) -> int:
    """Return how many pairs have two sides."""
    return sum(1 for source, target in _rows(pairs) if source.strip() and target.strip())


def _rows(pairs: Pairs) -> Iterator[tuple[str, str]]:
    return zip(pairs.source, pairs.target, strict=True)


def _is_swapped(train: TrainingPairs, valid: Pairs) -> bool:
    """Return whether the words of validation sources are those of training targets, and the other way round."""
    words: tuple[set[str], set[str]] = (set(), set())
    read = 0
    for chunk in train.chunks() if len(valid) else ():
        for found, side in zip(words, (chunk.source, chunk.target), strict=True):
            found.update(word for line in side for word in line.split())
        read += len(chunk)
        if read >= SAMPLE_PAIRS:
            break

    def known(lines: Sequence[str], words: set[str]) -> float:
        found = [word in words for line in lines for word in line.split()]
        return sum(found) / max(1, len(found))

    own = known(valid.source, words[0]), known(valid.target, words[1])
    other = known(valid.source, words[1]), known(valid.target, words[0])
    return all(b > SWAPPED * a for a, b in zip(own, other, strict=True))
