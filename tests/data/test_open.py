"""The data of a run by its purpose."""

import dataclasses

from support.pictures import caption_table
from support.recordings import speech_folder

from lstmtui.config import DataSettings, Settings
from lstmtui.data.caption_corpus import CaptionCorpus
from lstmtui.data.corpus import Corpus
from lstmtui.data.open import data_notes, data_of_run, open_data
from lstmtui.data.parallel_corpus import ParallelCorpus
from lstmtui.data.speech_corpus import SpeechCorpus


def test_the_purpose_decides_what_is_read(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"the dog {n}\tder hund {n}\n" for n in range(50)))
    s = DataSettings.of(dataclasses.replace(Settings(), corpus=(str(path),)))
    text, pairs = open_data(s), open_data(dataclasses.replace(s, purpose="translation"))
    assert isinstance(text, Corpus)
    assert isinstance(pairs, ParallelCorpus)
    assert data_notes(pairs) == []
    assert all(isinstance(note, str) for note in data_notes(text))
    folder = speech_folder(tmp_path / "speech", ["one two", "two one"])
    speech = open_data(dataclasses.replace(s, purpose="speech", corpus=(str(folder),)))
    assert isinstance(speech, SpeechCorpus)
    assert data_notes(speech) == []
    table = caption_table(tmp_path / "pictures")
    pictures = open_data(dataclasses.replace(s, purpose="captions", corpus=(str(table),)))
    assert isinstance(pictures, CaptionCorpus)
    assert data_notes(pictures) == []


def test_a_run_uses_pairs_that_were_read_and_splits_a_text_anew(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"the dog {n}\tder hund {n}\n" for n in range(50)))
    s = DataSettings.of(dataclasses.replace(Settings(), corpus=(str(path),), tokens="words"))
    pairs = dataclasses.replace(s, purpose="translation")
    opened = open_data(pairs)
    assert data_of_run(pairs, opened) is opened
    assert isinstance(data_of_run(pairs, None), ParallelCorpus)
    text = open_data(dataclasses.replace(s, tokens="chars"))
    assert data_of_run(s, text).ranges["train"] != text.ranges["train"]
