"""Every caption of a picture is an example; what cannot be learnt from is left out and counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.caption_cases import shape_captions, shape_examples, shape_grids, shape_tokenizer
from support.pictures import caption_table

from lstmtui.config import PictureSettings
from lstmtui.data import tokens
from lstmtui.data.caption_examples import grids_of, make_examples
from lstmtui.data.captions import open_rows, read_rows
from lstmtui.data.picture_augmentation import picture_of
from lstmtui.data.picture_features import FeatureGrids
from lstmtui.data.picture_file import StoredPictures
from lstmtui.errors import UsageError


def test_every_picture_and_caption_is_an_example():
    found = shape_examples()
    assert (found.pictures, len(found)) == (16, 22)
    assert found.picture[:5].tolist() == [0, 0, 1, 2, 3]
    assert found.first[:4].tolist() == [0, 2, 3, 4]
    tokenizer = shape_tokenizer()
    assert tokenizer.text(found.tokens[1]) == "the half is red left\n"
    assert (picture_of(found.vectors(3, PictureSettings(side=16, patch=8)), 8) == shape_grids()[3]).all()


def test_pixels_are_shown_where_there_are_any():
    examples = shape_examples()
    assert (examples.pixels(5) == examples.grids[5]).all()
    vectors = FeatureGrids(np.zeros((16, 4, 3)), np.arange(16), "")
    assert dataclasses.replace(examples, grids=vectors).pixels(5) is None


def test_vectors_are_those_of_pictures_or_of_a_file(tmp_path):
    s = PictureSettings(side=8, patch=4, vectors=2, vector_size=3)
    rows, left_out = read_rows([str(caption_table(tmp_path))])
    captions = open_rows(rows, left_out)
    assert isinstance(grids_of(captions, s, cache=tmp_path), StoredPictures)
    features = np.random.default_rng(1).normal(size=(16, 2, 3))
    np.save(tmp_path / "f.npy", features)
    found = grids_of(captions, s, str(tmp_path / "f.npy"))
    np.testing.assert_allclose(found.vectors(7, s), features[7], rtol=1e-6)


def test_only_first_captions_are_examples_where_a_setting_says_so():
    found = shape_examples(references="first")
    assert len(found) == found.pictures == 16
    assert found.captions.references[0] == ("red left", "the half is red left")


def test_damaged_pictures_and_long_captions_are_left_out():
    grids = dataclasses.replace(shape_grids(), damaged={1: "damaged"})
    captions = shape_captions()
    long = (("a very long caption " * 9,), *captions.references[1:])
    found, counts = make_examples(
        dataclasses.replace(captions, references=long), grids, shape_tokenizer(), max_tokens=5
    )  # fmt: skip
    assert found.pictures == len(found.grids) == 14
    assert [str(name) for name in found.captions.pictures[:2]] == ["2.png", "3.png"]
    assert found.picture.tolist() == list(range(14))
    assert found.first.tolist() == list(range(14))
    assert counts.describe() == "14 of 16 pictures; left out: 1 damaged, 1 with too long a caption"
    assert counts.too_long == 6


def test_captions_and_unknown_tokens_are_counted():
    tokenizer = tokens.train("words", [b"red left\n" * 3], None)
    _, counts = make_examples(shape_captions(), shape_grids(), tokenizer, max_tokens=50)
    assert counts.describe() == "16 of 16 pictures with 22 captions; 50 tokens are unknown"


def test_nothing_left_is_an_error():
    with pytest.raises(UsageError, match="No picture can be used: 0 of 16 pictures; left out: 16 with too long"):
        shape_examples(max_tokens=2)


def test_the_order_of_examples_is_that_of_pictures():
    found = shape_examples()
    assert (np.diff(found.picture) >= 0).all()
