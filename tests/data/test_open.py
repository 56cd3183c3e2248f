"""The data of a run by its purpose."""

import dataclasses

from support.recordings import speech_folder

from lstmtui.config import DataSettings, Settings
from lstmtui.data.corpus import Corpus
from lstmtui.data.open import data_notes, open_data
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
    folder = speech_folder(tmp_path / "speech", ["one", "two"])
    speech = open_data(dataclasses.replace(s, purpose="speech", corpus=(str(folder),)))
    assert isinstance(speech, SpeechCorpus)
    assert data_notes(speech) == []
