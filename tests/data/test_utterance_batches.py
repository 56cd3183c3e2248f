"""Batches of utterances: each once in an epoch, within bounds, a function of seed, epoch and position."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lstmtui.config import SpeechSettings
from lstmtui.data.audio import AudioFacts
from lstmtui.data.augmentation import prepare
from lstmtui.data.feature_file import Features
from lstmtui.data.pairs import Sentences
from lstmtui.data.recordings import Recordings
from lstmtui.data.utterance_batches import UtteranceBatches
from lstmtui.data.utterances import Utterances
from lstmtui.errors import UsageError

SPEECH = SpeechSettings(mel=8)


def utterances(count=120, longest=90):
    random = np.random.default_rng(1)
    lengths = random.integers(6, longest, count)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    frames = random.normal(size=(int(lengths.sum()), 8)).astype(np.float16)
    labels = Sentences.of([random.integers(1, 9, max(1, n // 8)).astype(np.int32) for n in lengths])
    files = tuple(Path(f"{n}.wav") for n in range(count))
    known = Recordings(files, ("",) * count, ("",) * count, (AudioFacts(8000, 1, 8000, 0),) * count)
    return Utterances(Features(frames, starts, lengths, "digest"), labels, known)


def order(batches, epoch):
    return [tuple(batches.batch(epoch, k).utterances.tolist()) for k in range(batches.batches)]


@pytest.mark.parametrize("seed", [3, None])
def test_an_epoch_has_every_utterance_once_and_batches_within_bounds(seed):
    batches = UtteranceBatches(utterances(), SPEECH, 8, 200, seed)
    for epoch in (0, 1):
        found = [batches.batch(epoch, k) for k in range(batches.batches)]
        assert sorted(n for batch in found for n in batch.utterances) == list(range(120))
        assert max(batch.frames.shape[0] * batch.frames.shape[1] for batch in found) <= 200
        assert max(len(batch.frames) for batch in found) <= batches.max_steps
        assert max(batch.labels.shape[1] for batch in found) <= batches.max_labels
        assert max(len(batch.utterances) for batch in found) <= batches.max_examples == 8
    if seed is None:
        assert max(len(batch.frames) for batch in found) == batches.max_steps


def test_a_batch_is_padded_with_zeros_behind_the_ends():
    every = utterances()
    batch = UtteranceBatches(every, SPEECH, 8, 400, None).batch(0, 9)
    T, B, D = batch.frames.shape
    assert (D, batch.frames.dtype, batch.labels.dtype) == (16, np.float32, np.int32)
    assert (T, batch.labels.shape) == (batch.frame_lengths.max(), (B, batch.label_lengths.max()))
    for b, n in enumerate(batch.utterances.tolist()):
        length, count = batch.frame_lengths[b], batch.label_lengths[b]
        np.testing.assert_array_equal(batch.frames[:length, b], prepare(every.features[n], SPEECH))
        assert not batch.frames[length:, b].any()
        np.testing.assert_array_equal(batch.labels[b, :count], every.labels[n])
        assert not batch.labels[b, count:].any()
    assert batch.predictions == batch.label_lengths.sum()


def test_little_is_padded():
    batches = UtteranceBatches(utterances(900), SPEECH, 16, 1000, 1)
    found = [batches.batch(0, k) for k in range(batches.batches)]
    steps = sum(batch.frames.shape[0] * batch.frames.shape[1] for batch in found)
    assert 1 - sum(int(batch.frame_lengths.sum()) for batch in found) / steps <= 0.15


def test_batches_and_augmentation_follow_from_seed_epoch_and_position_alone():
    every = utterances()
    batches = UtteranceBatches(every, SPEECH, 8, 200, 3)
    first, second = order(batches, 0), order(batches, 1)
    assert first != second
    step = batches.batches + 5
    other = UtteranceBatches(every, SPEECH, 8, 200, 3)  # resumes in the middle of the second epoch
    for one, two in zip(other.batch(*other.position(step)), batches.batch(1, 5), strict=True):
        np.testing.assert_array_equal(one, two)
    assert order(UtteranceBatches(every, SPEECH, 8, 200, 4), 0) != first
    n = int(second[5][0])
    again = next(batch for batch in (batches.batch(2, k) for k in range(batches.batches)) if n in batch.utterances)
    column = again.utterances.tolist().index(n)
    ours, others = batches.batch(1, 5).frames[:, 0], again.frames[:, column]
    assert ours.shape != others.shape or (ours != others).any()  # augmented anew


def test_higher_speed_leaves_a_step_for_each_label():
    every = utterances(40, 40)
    tight = Sentences.of([np.arange(1, 1 + -(-n // 2), dtype=np.int32) for n in every.features.lengths.tolist()])
    batches = UtteranceBatches(
        dataclasses.replace(every, labels=tight), dataclasses.replace(SPEECH, speed=0.5), 8, 200, 3
    )
    for k in range(batches.batches):
        batch = batches.batch(0, k)
        assert (batch.frame_lengths >= batch.label_lengths).all()


def test_an_utterance_longer_than_a_batch_is_refused():
    with pytest.raises(UsageError, match=r"has 50 steps, more than a batch of 20; raise --batch"):
        UtteranceBatches(utterances(), SPEECH, 8, 20, 1)


def test_a_batch_beyond_the_epoch_raises():
    batches = UtteranceBatches(utterances(10), SPEECH, 4, 200, 1)
    with pytest.raises(IndexError, match="batch"):
        batches.batch(0, batches.batches)


def test_a_small_corpus_is_not_cut_into_single_utterances():
    batches = UtteranceBatches(utterances(24), SPEECH, 8, 400, 1)
    sizes = [len(batch) for batch in order(batches, 0)]
    assert batches.batches <= 5
    assert min(sizes) >= 3
