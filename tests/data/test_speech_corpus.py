"""Parts of a speech corpus, the recipe for it, and what a person is told."""

from __future__ import annotations

import dataclasses

import pytest
from support.recordings import speech_folder, tone, wav_bytes, write_manifest, write_wav

from lstmtui.config import DataSettings, Settings
from lstmtui.data.recordings import Recordings
from lstmtui.data.speech_corpus import hold_out, open_recordings
from lstmtui.errors import UsageError


def settings(*corpus, **changes):
    given = dataclasses.replace(Settings(purpose="speech"), corpus=tuple(map(str, corpus)), **changes)
    return DataSettings.of(given)


def manifest(folder, parts):
    for n in range(len(parts)):
        write_wav(folder / f"{n}.wav", tone(0.1))
    rows = [("file", "text", "split"), *((f"{n}.wav", f"text {n}", part) for n, part in enumerate(parts))]
    return write_manifest(folder / "m.tsv", rows)


def test_parts_that_a_manifest_names_are_used(tmp_path):
    corpus = open_recordings(settings(manifest(tmp_path, ["train"] * 5 + ["dev"] * 2 + ["test"] + [""])))
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [6, 2, 1]
    assert corpus.valid.texts == ("text 5", "text 6")


def test_other_parts_are_held_out(tmp_path):
    folder = speech_folder(tmp_path / "a", [f"text {n}" for n in range(20)], seconds=0.05)
    corpus = open_recordings(settings(folder, valid_fraction=0.2, test_fraction=0.1))
    parts = [set(part.files) for part in (corpus.train, corpus.valid, corpus.test)]
    assert [len(part) for part in parts] == [14, 4, 2]
    assert len(set.union(*parts)) == 20
    assert open_recordings(settings(folder, valid_fraction=0.2, test_fraction=0.1)).valid == corpus.valid
    alone = open_recordings(settings(folder, valid_fraction=0))
    assert [len(part) for part in (alone.train, alone.valid, alone.test)] == [20, 0, 0]


def test_own_recordings_for_validation_and_test_are_read_whole(tmp_path):
    folder = speech_folder(tmp_path / "a", ["one", "two", "three"])
    other = speech_folder(tmp_path / "b", ["four"])
    table = manifest(tmp_path / "c", ["train", "test"])
    corpus = open_recordings(settings(folder, valid=(str(other),), test=(str(table),)))
    assert corpus.train.texts == ("one", "two", "three")
    assert (corpus.valid.texts, corpus.test.texts) == (("four",), ("text 1",))


def test_whole_speakers_are_held_out_where_there_are_enough(tmp_path):
    def held(names, count=120):
        files = tuple(tmp_path / f"{n}.wav" for n in range(count))
        column = tuple(names[n % len(names)] for n in range(count))
        return hold_out(Recordings(files, tuple(map(str, files)), column, (None,) * count), 0.1, "valid")

    train, valid = held([f"speaker {n}" for n in range(10)])
    assert set(train.speakers).isdisjoint(valid.speakers)
    assert len(set(valid.speakers)) == 1
    for few in (["ann", "bob"], ["", *map(str, range(20))]):  # too few, and not of all known
        train, valid = held(few)
        assert len(valid) == 12
        assert set(train.speakers) == set(few)


def test_the_recipe_follows_from_the_recordings(tmp_path):
    folder = speech_folder(tmp_path / "a", ["one", "two", "three", "four"] * 5, rate=16_000)
    corpus = open_recordings(settings(folder))
    s = corpus.resolve(Settings(purpose="speech", minutes=2, speed=0.2))
    assert (s.speech.sample_rate, s.data.tokens, s.length.minutes, s.network.layers) == (16_000, "chars", 2, 2)
    assert s.length.batch * s.length.bptt >= 50 / 0.8 / 2
    assert corpus.resolve(Settings(purpose="speech", sample_rate=8000)).speech.sample_rate == 8000
    assert s.speech.inputs == 80
    low = open_recordings(settings(speech_folder(tmp_path / "b", ["one", "two"], rate=6000)))
    assert low.resolve(Settings(purpose="speech")).speech.sample_rate == 8000
    assert corpus.bytes == sum(len(text) + 1 for text in corpus.train.texts)


def test_commands_are_learnt_as_words(tmp_path):
    def tokens(name, texts, **given):
        corpus = open_recordings(settings(speech_folder(tmp_path / name, texts)))
        return corpus.resolve(Settings(purpose="speech", tokens="auto", **given)).data.tokens

    assert tokens("a", ["on", "off"] * 18) == "words"
    assert tokens("b", ["on", "off"] * 18, minutes=1.0) == "words"
    assert tokens("c", ["on", "off"] * 12) == "chars"  # a tenth is held out: 11 times each
    assert tokens("d", ["on off on"] * 30) == "chars"


def test_notes_name_what_is_wrong(tmp_path):
    folder = speech_folder(tmp_path / "a", ["one", "two", ""])
    (folder / "000.wav").write_bytes(wav_bytes(tone(), size=99_000))
    other = speech_folder(tmp_path / "b", ["zwölf"])
    notes = open_recordings(settings(folder, valid=(str(other),))).notes()
    for words, note in zip(("empty text", "shorter than the header", "f l z ö"), notes, strict=True):
        assert words in note
    (note,) = open_recordings(settings(other, valid=(str(other),))).notes()
    assert "part of the training recordings" in note


def test_nothing_to_train_on_is_refused(tmp_path):
    with pytest.raises(UsageError, match="Speech is learnt from recordings"):
        open_recordings(settings("default"))
    folder = speech_folder(tmp_path / "a", ["", ""])
    with pytest.raises(UsageError, match=r"no recording to train on. Of 2 recordings, 2 are left out: 2 with an empty"):
        open_recordings(settings(folder))
    with pytest.raises(UsageError, match="no recording to evaluate"):
        open_recordings(settings(speech_folder(tmp_path / "b", ["one"]), valid=(str(folder),)))
