"""Batches of pairs: every pair once in an epoch, a function of seed, epoch and position, with little padding."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.data.pair_batches import IGNORED, PairBatches, make_batch
from lstmtui.data.pairs import PairTokens, Sentences
from lstmtui.errors import UsageError

END = 1


def corpus(count=900, longest=30):
    random = np.random.default_rng(1)
    source = random.integers(1, longest, count)
    target = np.clip(source + random.integers(-3, 4, count), 1, longest)
    sides = (Sentences.of([np.append(random.integers(2, 99, n), END) for n in side]) for side in (source, target))
    return PairTokens(*sides)


def order(batches, epoch):
    return [tuple(batches.batch(epoch, k).pairs.tolist()) for k in range(batches.batches)]


def test_a_batch_is_padded_behind_the_ends_and_the_decoder_reads_what_comes_before():
    sides = (
        Sentences.of([np.array([5, 6, END]), np.array([7, END])]),
        Sentences.of([np.array([END]), np.array([8, END])]),
    )
    batch = make_batch(PairTokens(*sides), np.array([0, 1]))
    np.testing.assert_array_equal(batch.source, [[5, 7], [6, END], [END, END]])
    np.testing.assert_array_equal(batch.source_lengths, [3, 2])
    np.testing.assert_array_equal(batch.inputs, [[END, END], [END, 8]])
    np.testing.assert_array_equal(batch.targets, [[END, 8], [IGNORED, END]])
    assert batch.predictions == 3
    assert {a.dtype for a in batch[:4]} == {np.dtype(np.int32)}


@pytest.mark.parametrize("seed", [3, None])
def test_an_epoch_has_every_pair_once_and_batches_within_bounds(seed):
    pairs = corpus()
    batches = PairBatches(pairs, 200, seed)
    for epoch in (0, 1):
        seen = [n for batch in order(batches, epoch) for n in batch]
        assert sorted(seen) == list(range(len(pairs)))
    found = [batches.batch(0, k) for k in range(batches.batches)]
    assert max(max(batch.source.size, batch.targets.size) for batch in found) <= 200
    positions = sum(batch.source.size + batch.targets.size for batch in found)
    real = sum(int(batch.source_lengths.sum()) + batch.predictions for batch in found)
    assert 1 - real / positions <= 0.1


def test_little_is_padded_where_one_side_is_longer():
    """Sorted by the longer side alone, 9.4 % of the positions of the shorter one were padding."""
    random = np.random.default_rng(2)
    shorter = random.integers(3, 25, 4000)
    longer = (1.3 * shorter).astype(int) + random.integers(-3, 4, 4000).clip(-2)
    sides = (Sentences.of([np.full(n, END) for n in side]) for side in (shorter, longer))
    batches = PairBatches(PairTokens(*sides), 1024, 1)
    found = [batches.batch(0, k) for k in range(batches.batches)]
    for real, positions in (
        (sum(int(batch.source_lengths.sum()) for batch in found), sum(batch.source.size for batch in found)),
        (sum(batch.predictions for batch in found), sum(batch.targets.size for batch in found)),
    ):
        assert 1 - real / positions < 0.08


def test_batches_follow_from_seed_epoch_and_position_alone():
    pairs = corpus()
    batches = PairBatches(pairs, 200, 3)
    first, second = order(batches, 0), order(batches, 1)
    assert first != second
    assert len(first) == len(second) == batches.batches
    other = PairBatches(pairs, 200, 3)  # resumes in the middle of the second epoch
    step = batches.batches + 5
    assert tuple(other.batch(*other.position(step)).pairs.tolist()) == second[5]
    assert [tuple(other.batch(1, k).pairs) for k in (7, 2)] == [second[7], second[2]]
    assert order(PairBatches(pairs, 200, 4), 0) != first
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}  # new batches, not reordered


def test_the_order_is_the_same_on_every_machine_and_version():
    lengths = (3, 1, 2, 3, 3, 1, 2, 3, 3)
    side = Sentences.of([np.full(n, END) for n in lengths])
    found = order(PairBatches(PairTokens(side, side), 6, 7), 2)
    assert found == [(8,), (1, 5), (0, 3), (6, 2), (4, 7)]


def test_without_a_seed_batches_go_from_short_to_long():
    batches = PairBatches(corpus(), 200, None)
    assert order(batches, 0) == order(batches, 1)
    found = [batches.batch(0, k) for k in range(20)]
    longest = [max(len(batch.source), len(batch.targets)) for batch in found]
    assert longest == sorted(longest)


def test_a_sentence_longer_than_a_batch_is_refused():
    with pytest.raises(UsageError, match=r"A sentence has 31 tokens, more than a batch of 20"):
        PairBatches(corpus(), 20, 0)


def test_a_batch_beyond_the_epoch_raises():
    batches = PairBatches(corpus(20, 5), 20, 0)
    with pytest.raises(IndexError, match="batch"):
        batches.batch(0, batches.batches)
