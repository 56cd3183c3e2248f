"""Parts of a caption corpus, the recipe for it, and what a person is told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.pictures import caption_table, shape_picture, write_picture

from lstmtui.config import AUTO, DataSettings, Settings
from lstmtui.data.caption_corpus import open_captions
from lstmtui.errors import UsageError


def given(*corpus, **changes):
    return dataclasses.replace(Settings(purpose="captions", tokens=AUTO), corpus=tuple(map(str, corpus)), **changes)


def opened(*corpus, **changes):
    return open_captions(DataSettings.of(given(*corpus, **changes)))


def test_parts_that_a_table_names_are_used(tmp_path):
    corpus = opened(caption_table(tmp_path, ("train", "", "val", "test")))
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [8, 4, 4]
    assert corpus.valid.references[0] == ("blue left",)
    assert corpus.bytes == sum(len(texts[0]) + 1 for texts in corpus.train.references)


def test_other_parts_are_held_out(tmp_path):
    table = caption_table(tmp_path)
    corpus = opened(table, valid_fraction=0.25, test_fraction=0.1)
    parts = [set(part.pictures) for part in (corpus.train, corpus.valid, corpus.test)]
    assert [len(part) for part in parts] == [10, 4, 2]
    assert len(set.union(*parts)) == 16
    assert opened(table, valid_fraction=0.25, test_fraction=0.1).valid == corpus.valid


def test_pictures_of_a_concept_are_held_out_together(tmp_path):
    for n in range(40):
        write_picture(tmp_path / f"{n}.png", shape_picture("red", "left", 8))
    rows = "".join(f"{n}.png\tword {n}\tconcept {n % 10}\n" for n in range(40))
    (tmp_path / "t.tsv").write_text(f"file\tcaption\tbase\n{rows}")
    corpus = opened(tmp_path / "t.tsv", valid_fraction=0.2)
    assert len(corpus.valid) == 8
    assert set(corpus.valid.concepts).isdisjoint(corpus.train.concepts)


def test_own_pictures_for_validation_are_those_of_their_part(tmp_path):
    own = caption_table(tmp_path / "b", ("train", "valid"))
    corpus = opened(caption_table(tmp_path / "a"), valid=(str(own),), test_fraction=0)
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [16, 8, 0]
    again = opened(own.parent, valid=(str(own),))
    assert "part of the training pictures" not in " ".join(again.notes())
    alone = opened(tmp_path / "a", valid=(str(tmp_path / "a"),))
    assert "part of the training pictures" in alone.notes()[-1]


def test_the_recipe_follows_from_the_pictures(tmp_path):
    corpus = opened(caption_table(tmp_path), valid_fraction=0.0)
    s = corpus.resolve(given("x", side=16, patch=4))
    assert (s.pictures.vectors, s.pictures.vector_size) == (16, 3 * 4**2 + 9 * 4)
    assert (s.data.tokens, s.length.batch) == ("words", 2)
    with pytest.raises(UsageError, match="vectors: a picture has 64 here, not 5"):
        corpus.resolve(given("x", vectors=5))


def test_features_take_the_place_of_pictures(tmp_path):
    table = caption_table(tmp_path, ("train", "train", "test"))
    (tmp_path / "images" / "left-red.png").unlink()
    np.save(tmp_path / "f.npy", np.zeros((16, 5, 3), np.float32))
    settings = given(table, features=str(tmp_path / "f.npy"))
    corpus = open_captions(DataSettings.of(settings))
    assert corpus.named == len(corpus.train) + len(corpus.valid) + len(corpus.test) == 16
    s = corpus.resolve(settings)
    assert (s.pictures.vectors, s.pictures.vector_size, s.pictures.grid) == (5, 3, (1, 5))
    np.save(tmp_path / "f.npy", np.zeros((15, 5, 3), np.float32))
    with pytest.raises(UsageError, match="have 15 rows, not one for each of the 16 pictures"):
        corpus.resolve(settings)
    with pytest.raises(UsageError, match="With --features, the table itself names the parts"):
        opened(table, features="x", valid=("y",))


def test_notes_name_what_is_left_out_and_unknown_words(tmp_path):
    table = caption_table(tmp_path, ("train", "train", "train", "test"))
    (tmp_path / "images" / "left-red.png").write_text("text")
    table.write_text(table.read_text().replace("black top", "ebony roof"))
    left_out, unknown = opened(table, valid_fraction=0).notes()
    assert left_out.startswith("Of 16 pictures, 1 is left out: 1 that cannot be read")
    assert unknown == (
        "62.5% of the words for validation and test stand in no training caption: black, ebony, roof."
    )  # fmt: skip


def test_nothing_to_train_on_is_refused(tmp_path):
    with pytest.raises(UsageError, match="Captions are learnt from pictures"):
        opened("default")
    table = caption_table(tmp_path / "a", ("test",))
    with pytest.raises(UsageError, match=r"has no picture to train on\.$"):
        opened(table)
    (tmp_path / "t.tsv").write_text("file\tcaption\na.png\tred\n")
    with pytest.raises(UsageError, match=r"has no picture to evaluate. Of 1 picture, 1 is left out: 1 that cannot be"):
        opened(caption_table(tmp_path / "b"), valid=(str(tmp_path / "t.tsv"),))
