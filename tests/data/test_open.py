"""The data of a run by its purpose."""

import dataclasses

from lstmtui.config import DataSettings, Settings
from lstmtui.data.corpus import Corpus
from lstmtui.data.open import data_notes, open_data
from lstmtui.data.parallel_corpus import ParallelCorpus


def test_the_purpose_decides_what_is_read(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"the dog {n}\tder hund {n}\n" for n in range(50)))
    s = DataSettings.of(dataclasses.replace(Settings(), corpus=(str(path),)))
    text, pairs = open_data(s), open_data(dataclasses.replace(s, purpose="translation"))
    assert isinstance(text, Corpus)
    assert isinstance(pairs, ParallelCorpus)
    assert data_notes(pairs) == []
    assert all(isinstance(note, str) for note in data_notes(text))
