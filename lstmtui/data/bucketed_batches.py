"""Batches of examples of like length, a pure function of (seed, epoch, position).

As for pairs of sentences (`pair_batches`): examples are put into buckets by length, shuffled in each epoch, sorted
within pools of a few batches, and batches of all buckets are shuffled together. There are as many in every epoch. With
a seed each example is augmented anew in every epoch, by a generator of its own.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lstmtui.data.batches import Position
from lstmtui.data.pair_batches import POOL_BATCHES, edges, permutation

Batch = TypeVar("Batch")


def _buckets(lengths: NDArray[np.int64], batch: int, positions: int) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Return the examples of each bucket, from long ones to short ones, and how many a batch of each has.

    A bucket with less than a batch is joined with the next, so that a small corpus is not cut into single examples.
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


class BucketedBatches(Generic[Batch]):
    """The batches of examples; `seed` None: not augmented, and in the same order in every epoch, short to long."""

    def __init__(
        self, lengths: NDArray[np.int64], batch: int, positions: int, seed: int | None,
        weights: NDArray[np.float64] | None = None,
    ) -> None:  # fmt: skip
        """A batch has at most `batch` examples, and at most `positions` steps, padding included; `lengths` (N,) are the
        steps of each example, at most `positions`.

        weights  (N,) how often each is read relative to others; None: each once in an epoch. It has as many examples
                 all the same: some stand in it several times, others not in every one.
        """
        self._lengths, self._seed, self._weights = lengths, seed, weights
        self._buckets, self._sizes = _buckets(lengths, batch, positions)
        self._counts = [len(own) for own in self._buckets]
        """Examples of each bucket in an epoch."""
        if weights is not None:
            share = len(lengths) / float(weights.sum())
            self._counts = [max(1, round(float(weights[own].sum()) * share)) for own in self._buckets]
        self.batches = sum(-(-count // size) for count, size in zip(self._counts, self._sizes, strict=True))
        """How many batches make an epoch."""
        self.max_examples = max(min(count, size) for count, size in zip(self._counts, self._sizes, strict=True))
        """The examples of the largest batch."""
        self._epoch: int | None = None
        self._order: list[NDArray[np.int64]] = []
        # The next batch is made while the network computes this one, which needs no Python.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[tuple[int, int], Future[Batch]] = {}

    def position(self, step: int) -> Position:
        """Return the epoch, and the batch in it, of training step `step` (from 0)."""
        return Position(*divmod(step, self.batches))

    def batch(self, epoch: int, k: int) -> Batch:
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
        """Return the examples of a batch."""
        if self._epoch != epoch:
            self._order, self._epoch = self._shuffled(epoch), epoch
        return self._order[k]

    def _shuffled(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the examples of each batch of an epoch."""
        found = []
        for number, (bucket, size) in enumerate(zip(self._buckets, self._sizes, strict=True)):
            if self._seed is None:
                pools = [bucket[np.argsort(self._lengths[bucket], kind="stable")]]
            else:
                shuffled = bucket[permutation(len(bucket), self._seed, epoch, number + 1)]
                if self._weights is not None:
                    shuffled = self._drawn(shuffled, epoch, number)
                pools = [shuffled[at : at + size * POOL_BATCHES] for at in range(0, len(shuffled), size * POOL_BATCHES)]
                pools = [pool[np.argsort(self._lengths[pool % len(self._lengths)], kind="stable")] for pool in pools]
            found += [part for pool in pools for part in np.array_split(pool, -(-len(pool) // size))]
        if self._seed is None:
            return found
        return [found[k] for k in permutation(len(found), self._seed, epoch, 0)]

    def _drawn(self, shuffled: NDArray[np.int64], epoch: int, number: int) -> NDArray[np.int64]:
        """Return the examples of a bucket in an epoch by their weights: each the next lower or higher whole number of
        times that its weight makes. A repeated one has N added, once for each time before, so that it is augmented
        anew."""
        assert self._weights is not None
        assert self._seed is not None
        weights = self._weights[shuffled]
        ends = np.cumsum(weights) * (self._counts[number] / weights.sum())
        ends[-1] = self._counts[number]
        times = np.diff(np.floor(ends + 0.5).astype(np.int64), prepend=0)
        before = np.arange(self._counts[number]) - np.repeat(np.cumsum(times) - times, times)
        drawn = np.repeat(shuffled, times) + len(self._lengths) * before
        return drawn[permutation(len(drawn), self._seed, epoch, number + 1, 1)]

    def _generator(self, epoch: int, n: int) -> np.random.Generator | None:
        """Return what draws the augmentation of example n; None without a seed."""
        return None if self._seed is None else np.random.default_rng((self._seed, epoch, n))

    def _made(self, chosen: NDArray[np.int64], epoch: int) -> Batch:
        """Return the batch of these examples."""
        raise NotImplementedError
