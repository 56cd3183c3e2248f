"""The data of a caption run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.pictures import caption_table, huge_png

from lstmtui.config import DataSettings, Settings
from lstmtui.data.caption_corpus import open_captions
from lstmtui.engine.tasks.run_captions import load_captions, store_vocabulary
from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs.folder import RunFolder


def settings(table, **changes):
    given = Settings(
        purpose="captions", tokens="words", side=16, patch=4, batch=4, bptt=6, steps=3, hidden=4,
        corpus=(str(table),), **changes,
    )  # fmt: skip
    return open_captions(DataSettings.of(given)).resolve(given)


def test_all_parts_are_read_with_the_vocabulary_of_the_training_captions(tmp_path):
    table = caption_table(tmp_path, ("train", "train", "valid", "test"))
    reported = []
    data = load_captions(settings(table), lambda *what: reported.append(what), tmp_path)
    assert [data.train.pictures, data.valid.pictures, data.test.pictures] == [8, 4, 4]
    assert {"red", "green"} < {data.tokenizer.token_bytes(n).decode() for n in range(data.tokenizer.size)}
    assert data.valid.tokens[0][0] == data.tokenizer.unk  # blue, which only validation pictures are
    assert data.notes[:2] == (
        "training: 8 of 8 pictures.", "validation: 4 of 4 pictures; 4 tokens are unknown.",
    )  # fmt: skip
    assert reported[-1] == ("pictures of test", 1.0)
    assert data.train.vectors(0, settings(table).pictures).shape == (16, 3 * 4**2 + 9 * 4)


def test_the_digest_follows_pictures_and_captions(tmp_path):
    table = caption_table(tmp_path / "a")
    digests = [load_captions(settings(table), cache=tmp_path).digest() for _ in range(2)]
    table.write_text(table.read_text().replace("red left", "left red"))
    digests.append(load_captions(settings(table), cache=tmp_path).digest())
    (tmp_path / "a" / "images" / "top-red.png").write_bytes(
        (tmp_path / "a" / "images" / "top-blue.png").read_bytes()
    )  # fmt: skip
    digests.append(load_captions(settings(table), cache=tmp_path).digest())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_picture_that_is_damaged_behind_its_header_is_told(tmp_path):
    table = caption_table(tmp_path)
    (tmp_path / "images" / "left-red.png").write_bytes(huge_png(50, 50))
    data = load_captions(settings(table, valid_fraction=0.0), cache=tmp_path)
    assert data.notes[0] == "training: 15 of 16 pictures; left out: 1 damaged."
    assert data.notes[1].endswith("left-red.png is cut short or damaged.")


def test_features_of_another_network_are_used(tmp_path):
    table = caption_table(tmp_path, ("train", "valid"))
    features = np.random.default_rng(1).normal(size=(16, 9, 5)).astype(np.float32)
    np.save(tmp_path / "f.npy", features)
    s = settings(table, features=str(tmp_path / "f.npy"))
    data = load_captions(s, cache=tmp_path)
    assert (data.train.vectors(1, s.pictures) == features[2]).all()
    assert (data.valid.vectors(0, s.pictures, np.random.default_rng(1)) == features[1]).all()
    assert data.train.pixels(0) is None


def test_the_first_caption_alone_is_trained_on_where_a_setting_says_so(tmp_path):
    table = caption_table(tmp_path)
    table.write_text(table.read_text() + "top-red.png\ttrain\ttop\tcrimson\n")
    counts = [
        len(load_captions(settings(table, references=which, valid_fraction=0.0), cache=tmp_path).train)
        for which in ("all", "first")
    ]
    assert counts == [17, 16]


def test_captions_that_no_batch_can_hold_leave_nothing(tmp_path):
    s = settings(caption_table(tmp_path))
    short = dataclasses.replace(s, length=dataclasses.replace(s.length, batch=1, bptt=2))
    with pytest.raises(UsageError, match="No picture can be used"):
        load_captions(short, cache=tmp_path)


def test_the_tokenizer_of_a_run_is_stored_and_another_is_refused(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    table = caption_table(tmp_path / "a")
    for _ in range(2):
        store_vocabulary(run, load_captions(settings(table), cache=tmp_path))
    table.write_text(table.read_text().replace("red", "crimson"))
    with pytest.raises(CorruptError, match="is not the tokenizer of this run's captions"):
        store_vocabulary(run, load_captions(settings(table), cache=tmp_path))
