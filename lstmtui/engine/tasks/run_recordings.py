"""The recordings of a run: features and labels of training, validation and test, and the vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lstmtui.common.files import exists
from lstmtui.config import RunSettings
from lstmtui.data import tokens
from lstmtui.data.feature_file import Statistics, features_of, save_statistics
from lstmtui.data.recordings import Recordings
from lstmtui.data.speech_corpus import open_recordings
from lstmtui.data.utterances import UtteranceCounts, Utterances, notes, usable
from lstmtui.engine.inference.loaded_recogniser import STATISTICS
from lstmtui.engine.tasks.run_pairs import store_tokenizer
from lstmtui.runs.folder import RunFolder

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class SpeechData:
    """All that a recogniser trains on and is evaluated with; an empty part is None."""

    train: Utterances
    valid: Utterances | None
    test: Utterances | None
    tokenizer: tokens.Tokenizer
    statistics: Statistics
    """Of the training features."""
    counts: UtteranceCounts
    """How the training recordings were chosen."""
    notes: tuple[str, ...]
    """What a person should know, a sentence each."""

    def digest(self) -> str:
        """Return the digest of training features, labels and vocabulary."""
        found = hashlib.sha256(f"{self.tokenizer.digest()}{self.train.features.digest}".encode())
        found.update(self.train.labels.flat.tobytes())
        found.update(self.train.labels.ends.tobytes())
        return found.hexdigest()


def load_recordings(s: RunSettings, report: Report = lambda what, done: None, cache: Path | None = None) -> SpeechData:
    """Return the recordings of these settings; features are computed where the cache has none.

    report   is called with what is done and the part of it, from 0 to 1; what it raises ends the computation
    Raises UsageError as `open_recordings` does, and where no recording is left; LstmtuiError where features cannot be
    computed or kept.
    """
    corpus = open_recordings(s.data)
    # Characters need no line ends between them, which would be one more.
    text = ("" if s.data.tokens == "chars" else "\n").join(corpus.train.texts)
    tokenizer = tokens.train(s.data.tokens, [text.encode()], s.data.vocabulary)
    told: list[str] = []

    def part(name: str, recordings: Recordings) -> tuple[Utterances, UtteranceCounts]:
        def progress(done: float) -> None:
            report(f"features of {name}", done)

        features = features_of(recordings, s.speech, progress=progress, cache=cache)
        found, counts = usable(recordings, features, tokenizer, s.speech.stack)
        told.extend(f"{name}: {note}" for note in notes(recordings, features, counts))
        return found, counts

    train, counts = part("training", corpus.train)
    valid = part("validation", corpus.valid)[0] if len(corpus.valid) else None
    test = part("test", corpus.test)[0] if len(corpus.test) else None
    return SpeechData(train, valid, test, tokenizer, train.features.statistics(), counts, tuple(told))


def store_vocabulary(run: RunFolder, data: SpeechData) -> None:
    """Store tokenizer and statistics in the run folder, or check the tokenizer that is there. Raises CorruptError."""
    store_tokenizer(run.tokenizer, data.tokenizer, "transcripts")
    if not exists(run.path / STATISTICS):
        save_statistics(run.path / STATISTICS, data.statistics)
