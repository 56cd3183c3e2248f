"""The recordings of a run: parts, vocabulary, statistics, digests."""

from __future__ import annotations

import numpy as np
import pytest
from support import tiny
from support.recordings import speech_folder, write_wav

from lstmtui.data.feature_file import load_statistics
from lstmtui.engine.inference.loaded_recogniser import STATISTICS
from lstmtui.engine.tasks.run_recordings import load_recordings, store_vocabulary
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder

TEXTS = ["one two", "two", "three one", "two two three"] * 5


@pytest.fixture
def settings(tmp_path):
    folder = speech_folder(tmp_path / "a", TEXTS, seconds=0.3)
    write_wav(folder / "000.wav", np.zeros(2400))

    def make(**changes):
        given = {"sample_rate": 8000, "mel": 8, "valid_fraction": 0.2, "test_fraction": 0.1, **changes}
        return tiny.run_settings(purpose="speech", corpus=(str(folder),), **given)

    return make


def test_parts_have_features_and_labels_and_what_is_left_out_is_told(settings, tmp_path):
    reported = []
    data = load_recordings(settings(), lambda *done: reported.append(done), tmp_path)
    parts = (data.train, data.valid, data.test)
    assert sum(map(len, parts)) == 19
    assert [len(part.features) for part in parts] == [len(part.recordings) for part in parts]
    assert sum("1 silent" in note for note in data.notes) == 1
    assert ("features of training", 1.0) in reported
    np.testing.assert_array_equal(data.statistics, data.train.features.statistics())
    assert "\n" not in data.tokenizer.characters


@pytest.mark.parametrize("kind", ["chars", "words", "bpe"])
def test_every_kind_of_token_labels_the_transcripts(settings, tmp_path, kind):
    data = load_recordings(settings(tokens=kind, vocabulary=280 if kind == "bpe" else None), cache=tmp_path)
    assert data.train.labels.flat.min() >= 1
    assert data.train.labels.flat.max() <= data.tokenizer.size
    assert data.counts.unknown == 0


def test_a_part_may_be_missing(settings, tmp_path):
    data = load_recordings(settings(valid_fraction=0, test_fraction=0), cache=tmp_path)
    assert (data.valid, data.test) == (None, None)


def test_digests_follow_from_recordings_and_labels(settings, tmp_path):
    data, again = (load_recordings(settings(), cache=tmp_path).digest() for _ in range(2))
    assert data == again
    assert load_recordings(settings(valid_fraction=0.3), cache=tmp_path).digest() != data
    assert load_recordings(settings(tokens="words"), cache=tmp_path).digest() != data


def test_a_run_keeps_its_vocabulary_and_its_statistics(settings, tmp_path):
    run = RunFolder(tmp_path)
    data = load_recordings(settings(), cache=tmp_path)
    store_vocabulary(run, data)
    store_vocabulary(run, data)
    np.testing.assert_array_equal(load_statistics(run.path / STATISTICS), data.statistics)
    with pytest.raises(CorruptError, match="not the tokenizer"):
        store_vocabulary(run, load_recordings(settings(tokens="words"), cache=tmp_path))
