"""Batches of examples of like length, whatever the examples are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lstmtui.data.bucketed_batches import BucketedBatches


class Numbers(BucketedBatches):
    """Batches that are the numbers of their examples, with a drawn number each."""

    def _made(self, chosen, epoch):
        generators = [self._generator(epoch, int(n)) for n in chosen]
        return chosen.tolist(), [None if rng is None else rng.random() for rng in generators]


LENGTHS = np.array([3] * 20 + [9] * 5 + [30] * 2)


def test_batches_hold_at_most_the_examples_and_the_positions():
    batches = Numbers(LENGTHS, 8, 60, 1)
    found = [batches.batch(0, k)[0] for k in range(batches.batches)]
    assert sorted(itertools.chain(*found)) == list(range(27))
    assert all(len(batch) * LENGTHS[batch].max() <= 60 for batch in found)
    assert max(map(len, found)) <= batches.max_examples <= 8


def test_an_epoch_is_a_function_of_seed_and_number():
    first, second = (Numbers(LENGTHS, 4, 100, 7) for _ in range(2))
    assert [first.batch(2, k) for k in range(first.batches)] == [second.batch(2, k) for k in range(first.batches)]
    assert first.batch(0, 1) == Numbers(LENGTHS, 4, 100, 7).batch(0, 1)
    assert first.batch(0, 1) != first.batch(1, 1)
    assert first.batch(0, 1) != Numbers(LENGTHS, 4, 100, 8).batch(0, 1)


def test_weights_say_how_often_each_is_read_and_a_repeated_one_is_augmented_anew():
    weights = np.array([1.0] * 10 + [0.25] * 10 + [2.0] * 5 + [0.5] * 2)
    batches, times, epochs = Numbers(LENGTHS, 8, 60, 1, weights), np.zeros(27), 40
    for epoch in range(epochs):
        found = [batches.batch(epoch, k) for k in range(batches.batches)]
        numbers, drawn = (list(itertools.chain(*part)) for part in zip(*found, strict=True))
        assert len(numbers) == len(set(numbers)) == len(set(drawn)) == 27
        np.add.at(times, np.array(numbers) % 27, 1)
    share = 27 / weights.sum()
    np.testing.assert_allclose(times[:10] / epochs, share, atol=0.2)
    np.testing.assert_allclose(times[10:20] / epochs, 0.25 * share, atol=0.2)
    np.testing.assert_allclose(times[20:25] / epochs, 2 * share, atol=0.2)


def test_without_a_seed_nothing_is_drawn_or_shuffled():
    batches = Numbers(LENGTHS, 4, 100, None)
    numbers, drawn = batches.batch(0, 0)
    assert batches.batch(9, 0) == (numbers, drawn)
    assert set(drawn) == {None}


def test_a_batch_that_there_is_not_raises():
    batches = Numbers(LENGTHS, 4, 100, 1)
    with pytest.raises(IndexError, match=f"batch {batches.batches} of {batches.batches}"):
        batches.batch(0, batches.batches)
