"""Batches of pictures and captions: complete, of like length, augmented anew, and the same after a resume."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.caption_cases import shape_captions, shape_examples, shape_grids, shape_tokenizer

from lstmtui.config import PictureSettings
from lstmtui.data import tokens
from lstmtui.data.caption_batches import CaptionBatches, concept_weights
from lstmtui.data.caption_examples import make_examples
from lstmtui.data.pair_batches import IGNORED
from lstmtui.data.pairs import line_end
from lstmtui.data.picture_augmentation import vector_size
from lstmtui.errors import UsageError

S = PictureSettings(side=16, patch=8)


def epoch_of(batches, epoch):
    return [batches.batch(epoch, k) for k in range(batches.batches)]


def test_every_example_stands_once_in_an_epoch():
    batches = CaptionBatches(shape_examples(), S, batch=4, positions=100, seed=1)
    for epoch in (0, 3):
        found = epoch_of(batches, epoch)
        assert sorted(np.concatenate([batch.examples for batch in found]).tolist()) == list(range(22))
        assert max(len(batch.examples) for batch in found) <= batches.max_examples == 4
        assert all(batch.inputs.shape[1] == len(batch.pictures) for batch in found)
    assert batches.position(batches.batches + 1) == (1, 1)


def test_a_batch_has_vectors_and_what_a_decoder_reads_and_predicts():
    examples, tokenizer = shape_examples(), shape_tokenizer()
    end = line_end(tokenizer)
    for batch in epoch_of(CaptionBatches(examples, S, batch=5, positions=100, seed=2), 0):
        assert batch.vectors.shape == (4, len(batch.examples), vector_size(8, S.edges))
        assert batch.vectors.dtype == np.float32
        assert batch.vectors.flags.c_contiguous
        for b, (n, picture) in enumerate(zip(batch.examples, batch.pictures, strict=True)):
            caption = examples.tokens[int(n)]
            assert picture == examples.picture[n]
            assert batch.targets[: len(caption), b].tolist() == caption.tolist()
            assert (batch.targets[len(caption) :, b] == IGNORED).all()
            assert batch.inputs[: len(caption), b].tolist() == [end, *caption[:-1]]
        assert batch.predictions == (batch.targets != IGNORED).sum()


def test_pictures_are_augmented_anew_and_the_same_after_a_resume():
    examples = shape_examples()
    first = CaptionBatches(examples, S, batch=4, positions=100, seed=1)
    begun, resumed = epoch_of(first, 0), CaptionBatches(examples, S, batch=4, positions=100, seed=1)
    for k in (3, 4, 1):
        for mine, its in zip(begun[k], resumed.batch(0, k), strict=True):
            np.testing.assert_array_equal(mine, its)
    again = {int(n): batch.vectors[:, b] for batch in epoch_of(first, 1) for b, n in enumerate(batch.examples)}
    same = [(again[int(n)] == batch.vectors[:, b]).all() for batch in begun for b, n in enumerate(batch.examples)]
    assert not all(same)


def test_two_captions_of_a_picture_are_augmented_apart():
    batches = CaptionBatches(shape_examples(), S, batch=22, positions=1000, seed=1)
    vectors = {int(n): batch.vectors[:, b] for batch in epoch_of(batches, 0) for b, n in enumerate(batch.examples)}
    assert (vectors[0] != vectors[1]).any()


def test_without_a_seed_each_picture_stands_once_unchanged_from_short_to_long():
    examples = shape_examples()
    batches = CaptionBatches(examples, S, batch=4, positions=100, seed=None)
    found = epoch_of(batches, 0)
    assert sorted(np.concatenate([batch.pictures for batch in found]).tolist()) == list(range(16))
    assert set(np.concatenate([batch.examples for batch in found])) == set(examples.first)
    for batch in found:
        for b, picture in enumerate(batch.pictures):
            assert (batch.vectors[:, b] == examples.vectors(int(picture), S)).all()
    assert batches.max_tokens == 3
    np.testing.assert_array_equal(batches.batch(5, 0).examples, found[0].examples)


def test_unknown_words_are_read_but_not_predicted():
    tokenizer = tokens.train("words", [b"red left\n" * 3], None)
    examples, _ = make_examples(shape_captions(), shape_grids(), tokenizer, max_tokens=50)
    (batch,) = epoch_of(CaptionBatches(examples, S, batch=16, positions=1000, seed=None), 0)
    blue = int(np.flatnonzero(batch.pictures == 2)[0])  # "blue left"
    assert batch.inputs[:, blue].tolist()[1] == tokenizer.unk
    assert batch.targets[:, blue].tolist() == [IGNORED, *tokenizer.encode(b"left\n").tolist()]


def test_a_caption_that_does_not_fit_is_an_error():
    with pytest.raises(UsageError, match="A caption has 6 tokens, more than a batch of 5"):
        CaptionBatches(shape_examples(), S, batch=4, positions=5, seed=1)


def test_examples_of_concepts_with_few_pictures_are_read_more_often():
    examples = shape_examples()
    concepts = ("hand",) * 4 + ("tree",) + ("",) * 11
    few = dataclasses.replace(examples, captions=dataclasses.replace(examples.captions, concepts=concepts))
    weights = concept_weights(few, 0.5)
    assert dict(zip(few.picture.tolist(), weights.tolist(), strict=True)) == {
        n: 0.5 if n < 4 else 1.0 for n in range(16)
    }
    read = np.zeros(22)
    batches = CaptionBatches(few, dataclasses.replace(S, balance=0.5), batch=4, positions=100, seed=1)
    for epoch in range(20):
        for batch in epoch_of(batches, epoch):
            np.add.at(read, batch.examples, 1)
    hands = few.picture < 4
    assert 1.5 < read[~hands].mean() / read[hands].mean() < 2.5
    assert not concept_weights(few, 0.0).std()
