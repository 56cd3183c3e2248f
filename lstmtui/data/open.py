"""The data of a run by its purpose: a text, pairs of sentences, recordings, or pictures."""

from __future__ import annotations

from lstmtui.config import DataSettings
from lstmtui.data.caption_corpus import CaptionCorpus, open_captions
from lstmtui.data.corpus import Corpus, open_corpus
from lstmtui.data.notes import corpus_notes
from lstmtui.data.parallel_corpus import ParallelCorpus, open_pairs
from lstmtui.data.speech_corpus import SpeechCorpus, open_recordings

Data = Corpus | ParallelCorpus | SpeechCorpus | CaptionCorpus


def open_data(s: DataSettings) -> Data:
    """Read everything that a run with settings `s` uses. Raises UsageError for what cannot be used."""
    if s.purpose == "translation":
        return open_pairs(s)
    if s.purpose == "speech":
        return open_recordings(s)
    return open_captions(s) if s.purpose == "captions" else open_corpus(s)


def data_of_run(s: DataSettings, opened: Data | None) -> Data:
    """Return the data of the resolved settings `s`: `opened`, which was read for the settings before, where it is the
    same. A text is split by the kind of its tokens, which the recipe may have chosen."""
    return open_data(s) if opened is None or isinstance(opened, Corpus) else opened


def data_notes(data: Data) -> list[str]:
    """Return what a person should know of the data before a run trains on it, a sentence each."""
    return corpus_notes(data) if isinstance(data, Corpus) else data.notes()
