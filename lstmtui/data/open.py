"""The data of a run by its purpose: a text, or pairs of sentences."""

from __future__ import annotations

from lstmtui.config import DataSettings
from lstmtui.data.corpus import Corpus, open_corpus
from lstmtui.data.notes import corpus_notes
from lstmtui.data.parallel_corpus import ParallelCorpus, open_pairs

Data = Corpus | ParallelCorpus


def open_data(s: DataSettings) -> Data:
    """Read everything that a run with settings `s` uses. Raises UsageError for what cannot be used."""
    return open_pairs(s) if s.purpose == "translation" else open_corpus(s)


def data_notes(data: Data) -> list[str]:
    """Return what a person should know of the data before a run trains on it, a sentence each."""
    return data.notes() if isinstance(data, ParallelCorpus) else corpus_notes(data)
