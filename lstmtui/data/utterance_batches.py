"""Batches of utterances of like length, a pure function of (seed, epoch, position).

As for pairs of sentences (`pair_batches`): utterances are put into buckets by length, shuffled in each epoch, sorted
within pools of a few batches, and batches of all buckets are shuffled together. There are as many in every epoch. With
a seed each utterance is augmented anew in every epoch, by a generator of its own.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import SpeechSettings
from lstmtui.data.augmentation import max_frames, prepare, steps
from lstmtui.data.batches import Position
from lstmtui.data.feature_file import Statistics
from lstmtui.data.pair_batches import POOL_BATCHES, edges, permutation
from lstmtui.data.utterances import Utterances, needed_steps
from lstmtui.errors import UsageError


class UtteranceBatch(NamedTuple):
    """B utterances, time first."""

    frames: NDArray[np.float32]
    """(T, B, D), 0 behind the end of each."""
    frame_lengths: NDArray[np.int32]
    """(B,): steps of each, at most T."""
    labels: NDArray[np.int32]
    """(B, U), from 1 on; 0 behind the end of each."""
    label_lengths: NDArray[np.int32]
    """(B,), at most U."""
    utterances: NDArray[np.int64]
    """(B,): positions of the utterances."""

    @property
    def predictions(self) -> int:
        """How many labels there are."""
        return int(self.label_lengths.sum())


def _buckets(lengths: NDArray[np.int64], batch: int, positions: int) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Return the utterances of each bucket, from long ones to short ones, and how many a batch of each has.

    A bucket with less than a batch is joined with the next, so that a small corpus is not cut into single utterances.
    """
    limits = edges(int(lengths.max()))
    bucket = np.searchsorted(limits, lengths)
    found, sizes = [], []
    own = np.empty(0, np.int64)
    for k in range(len(limits) - 1, -1, -1):
        own = np.concatenate([own, np.flatnonzero(bucket == k)])
        size = max(1, min(batch, positions // int(lengths[own].max()))) if len(own) else 1
        if len(own) >= size or (k == 0 and len(own)):
            found.append(np.sort(own))
            sizes.append(size)
            own = own[:0]
    return found, sizes


class UtteranceBatches:
    """The batches of utterances; `seed` None: not augmented, and in the same order in every epoch, short to long."""

    def __init__(
        self, utterances: Utterances, s: SpeechSettings, batch: int, positions: int, seed: int | None,
        statistics: Statistics | None = None,
    ) -> None:  # fmt: skip
        """A batch has at most `batch` utterances, and at most `positions` steps, padding included.

        statistics  see `augmentation.prepare`
        Raises UsageError where the longest utterance does not fit.
        """
        self._utterances, self._settings, self._seed, self._statistics = utterances, s, seed, statistics
        frames = utterances.features.lengths
        longest = [max_frames(int(count), s) if seed is not None else int(count) for count in frames]
        self._lengths = np.asarray(steps(np.array(longest, np.int64), s.stack))
        self._needed = needed_steps(utterances.labels)
        if self._lengths.max() > positions:
            file = utterances.recordings.files[int(self._lengths.argmax())]
            raise UsageError(
                f"The recording {file} has {self._lengths.max():,} steps, more than a batch of {positions:,}; raise "
                f"--batch or --bptt, or leave the recording out."
            )
        self._buckets, self._sizes = _buckets(self._lengths, batch, positions)
        self.batches = sum(-(-len(own) // size) for own, size in zip(self._buckets, self._sizes, strict=True))
        """How many batches make an epoch."""
        self.max_steps = int(self._lengths.max())
        """The steps of the longest utterance, however it is augmented."""
        self.max_labels = int(utterances.labels.lengths.max())
        """The labels of the longest transcript."""
        self.max_utterances = max(min(len(own), size) for own, size in zip(self._buckets, self._sizes, strict=True))
        """The utterances of the largest batch."""
        self._epoch: int | None = None
        self._order: list[NDArray[np.int64]] = []
        # The next batch is made while the network computes this one, which needs no Python.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[tuple[int, int], Future[UtteranceBatch]] = {}

    def position(self, step: int) -> Position:
        """Return the epoch, and the batch in it, of training step `step` (from 0)."""
        return Position(*divmod(step, self.batches))

    def batch(self, epoch: int, k: int) -> UtteranceBatch:
        """Return batch k of an epoch."""
        if not 0 <= k < self.batches:
            raise IndexError(f"batch {k} of {self.batches}")
        epoch = 0 if self._seed is None else epoch
        ahead = self._ahead.pop((epoch, k), None)
        found = self._made(self._chosen(epoch, k), epoch) if ahead is None else ahead.result()
        following = (epoch, k + 1) if k + 1 < self.batches else (epoch + 1 if self._seed is not None else 0, 0)
        self._ahead = {following: self._worker.submit(self._made, self._chosen(*following), following[0])}
        return found

    def _chosen(self, epoch: int, k: int) -> NDArray[np.int64]:
        """Return the utterances of a batch."""
        if self._epoch != epoch:
            self._order, self._epoch = self._shuffled(epoch), epoch
        return self._order[k]

    def _shuffled(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the utterances of each batch of an epoch."""
        found = []
        for number, (bucket, size) in enumerate(zip(self._buckets, self._sizes, strict=True)):
            if self._seed is None:
                pools = [bucket[np.argsort(self._lengths[bucket], kind="stable")]]
            else:
                shuffled = bucket[permutation(len(bucket), self._seed, epoch, number + 1)]
                pools = [shuffled[at : at + size * POOL_BATCHES] for at in range(0, len(bucket), size * POOL_BATCHES)]
                pools = [pool[np.argsort(self._lengths[pool], kind="stable")] for pool in pools]
            found += [part for pool in pools for part in np.array_split(pool, -(-len(pool) // size))]
        if self._seed is None:
            return found
        return [found[k] for k in permutation(len(found), self._seed, epoch, 0)]

    def _made(self, chosen: NDArray[np.int64], epoch: int) -> UtteranceBatch:
        """Return the batch of these utterances."""
        features, labels = self._utterances.features, self._utterances.labels
        inputs = [self._prepared(int(n), epoch, features[int(n)]) for n in chosen]
        wanted = [labels[int(n)] for n in chosen]
        frames = np.zeros((max(map(len, inputs)), len(chosen), self._settings.inputs), np.float32)
        rows = np.zeros((len(chosen), max(map(len, wanted))), np.int32)
        for b, (own, of_text) in enumerate(zip(inputs, wanted, strict=True)):
            frames[: len(own), b] = own
            rows[b, : len(of_text)] = of_text
        lengths = (np.array(list(map(len, rows_of)), np.int32) for rows_of in (inputs, wanted))
        frame_lengths, label_lengths = lengths
        return UtteranceBatch(frames, frame_lengths, rows, label_lengths, chosen)

    def _prepared(self, n: int, epoch: int, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        rng = None if self._seed is None else np.random.default_rng((self._seed, epoch, n))
        return prepare(frames, self._settings, rng, self._statistics, min_steps=int(self._needed[n]))
