"""The pictures of a run: vectors and captions of training, validation and test, and the vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lstmtui.config import RunSettings
from lstmtui.data import tokens
from lstmtui.data.caption_corpus import open_captions
from lstmtui.data.caption_examples import CaptionExamples, ExampleCounts, grids_of, make_examples
from lstmtui.data.captions import Captions
from lstmtui.engine.tasks.run_pairs import store_tokenizer
from lstmtui.runs.folder import RunFolder

Report = Callable[[str, float], None]

MAX_TOKENS = 250
"""Of a caption that is trained on, with its line end."""


@dataclass(frozen=True, slots=True)
class CaptionData:
    """All that a captioner trains on and is evaluated with; an empty part is None."""

    train: CaptionExamples
    valid: CaptionExamples | None
    test: CaptionExamples | None
    tokenizer: tokens.Tokenizer
    counts: ExampleCounts
    """How the training pictures were chosen."""
    notes: tuple[str, ...]
    """What a person should know, a sentence each."""

    def digest(self) -> str:
        """Return the digest of training pictures, captions and vocabulary."""
        found = hashlib.sha256(f"{self.tokenizer.digest()}{self.train.grids.digest}".encode())
        for values in (self.train.tokens.flat, self.train.tokens.ends, self.train.picture):
            found.update(values.tobytes())
        return found.hexdigest()


def load_captions(s: RunSettings, report: Report = lambda what, done: None, cache: Path | None = None) -> CaptionData:
    """Return the pictures of these settings; they are decoded where the cache has none.

    report   is called with what is done and the part of it, from 0 to 1; what it raises ends the work
    Raises UsageError as `open_captions` does, and where no picture is left; LstmtuiError where pictures cannot be kept.
    """
    corpus = open_captions(s.data)
    texts = [text for texts in corpus.train.references for text in _chosen(texts, s)]
    body = "".join(f"{text}\n" for text in texts).encode()
    tokenizer = tokens.train(s.data.tokens, [body], s.data.vocabulary, marks=s.pictures.punctuation == "apart")
    told: list[str] = []

    def part(name: str, captions: Captions) -> tuple[CaptionExamples, ExampleCounts]:
        def progress(done: float) -> None:
            report(f"pictures of {name}", done)

        grids = grids_of(captions, s.pictures, s.data.features, progress=progress, cache=cache)
        max_tokens = min(MAX_TOKENS, s.length.batch * s.length.bptt)
        found, counts = make_examples(
            captions, grids, tokenizer, max_tokens=max_tokens, references=s.pictures.references
        )
        told.extend([f"{name}: {counts.describe()}.", *grids.notes])
        return found, counts

    train, counts = part("training", corpus.train)
    valid = part("validation", corpus.valid)[0] if len(corpus.valid) else None
    test = part("test", corpus.test)[0] if len(corpus.test) else None
    return CaptionData(train, valid, test, tokenizer, counts, tuple(told))


def _chosen(texts: tuple[str, ...], s: RunSettings) -> tuple[str, ...]:
    return texts if s.pictures.references == "all" else texts[:1]


def store_vocabulary(run: RunFolder, data: CaptionData) -> None:
    """Store the tokenizer in the run folder, or check the one that is there. Raises CorruptError."""
    store_tokenizer(run.tokenizer, data.tokenizer, "captions")
