"""What a person should know of a corpus before a run trains on it, a sentence each."""

from __future__ import annotations

from pathlib import Path

from lstmtui.common.paths import cache_root
from lstmtui.common.units import format_size
from lstmtui.data import likeness
from lstmtui.data.corpus import Corpus
from lstmtui.data.reading import list_reasons
from lstmtui.data.sources import Source


def source_notes(source: Source, *, cache: Path | None = None) -> list[str]:
    """Return which files and which long runs of a text are not read, and why."""
    notes = []
    if source.skipped:
        count = len(source.parts)
        notes.append(
            f"Of {source.name}, {count:,} file{' is' if count == 1 else 's are'} read and {len(source.skipped):,} "
            f"left out: {list_reasons(source.skipped)}."
        )
    if runs := source.long_runs(cache or cache_root()):
        notes.append(
            f"Of {source.name}, {format_size(runs)} of base64 and hexadecimal are left out; --keep-everything reads "
            "them."
        )
    return notes


def corpus_notes(corpus: Corpus, *, cache: Path | None = None) -> list[str]:
    """Return the notes on every source, and whether the validation text can measure generalisation."""
    cache = cache or cache_root()
    notes = [note for source in corpus.sources for note in source_notes(source, cache=cache)]
    train, valid = corpus.ranges["train"], corpus.ranges["valid"]
    if valid.source.parts != train.source.parts:
        digests = {part.facts(cache).sha256 for part in train.source.parts}
        if valid.length and all(part.facts(cache).sha256 in digests for part in valid.source.parts):
            return [
                *notes,
                "The validation text is part of the training text, so it cannot distinguish learning from memorising; "
                "give --valid text that is not trained on, or none.",
            ]
    samples = (part.sample(likeness.SAMPLE_BYTES, likeness.SAMPLE_PIECES) for part in (train, valid))
    warning = likeness.difference_warning(*samples)
    return [*notes, warning] if warning and train.source.text else notes
