"""From the settings of a speech run to its recordings: training, validation and test.

Parts that are neither files of their own nor named by a manifest are held out from the training recordings: all of some
speakers, where there are enough of them, else some recordings of all. What is held out follows from the names alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstmtui import recipe
from lstmtui.config import FIELDS, DataSettings, RunSettings, Settings
from lstmtui.data.held_out import drawn
from lstmtui.data.log_mel import require_library
from lstmtui.data.recordings import MAX_SECONDS, LeftOut, Recordings, Row, open_rows, read_rows
from lstmtui.errors import UsageError


@dataclass(frozen=True, slots=True)
class SpeechCorpus:
    """The recordings of a speech run; the parts for validation and test may be empty."""

    train: Recordings
    valid: Recordings
    test: Recordings
    left_out: LeftOut

    @property
    def bytes(self) -> int:
        """The size of the training transcripts."""
        return sum(len(text.encode()) + 1 for text in self.train.texts)

    def resolve(self, settings: Settings) -> RunSettings:
        """Return `settings` with every open field chosen by the recipe for these recordings."""
        seconds, rates = self.train.seconds, Counter(facts.rate for facts in self.train.facts)
        words = [word for text in self.train.texts for word in text.split()]
        size = recipe.AudioSize(
            recordings=len(self.train),
            seconds=sum(seconds),
            longest=max((*seconds, *self.valid.seconds, *self.test.seconds)),
            characters=sum(map(len, self.train.texts)),
            rate=rates.most_common(1)[0][0],
            words=len(words),
            distinct_words=len(set(words)),
        )
        return recipe.resolve_speech(settings, size)

    def notes(self) -> list[str]:
        """Return what a person should know before a run trains on it, a sentence each."""
        found = self.left_out.notes()
        cut = [(file, facts) for part in self._parts for file, facts in zip(part.files, part.facts, strict=True)
               if facts.missing]  # fmt: skip
        if cut:
            verb = " is" if len(cut) == 1 else "s are"
            found.append(
                f"{len(cut):,} recording{verb} shorter than the header says, and read to the end; the first of these: "
                f"{cut[0][0]}."
            )
        known = {char for text in self.train.texts for char in text}
        unknown = {char for part in (self.valid, self.test) for text in part.texts for char in text} - known
        if unknown:
            listed = " ".join(sorted(unknown)[:20])
            found.append(f"Characters that no training transcript has cannot be recognised: {listed}")
        if self.valid.files and set(self.valid.files) <= set(self.train.files):
            found.append(
                "The validation recordings are part of the training recordings, so they cannot distinguish learning "
                "from memorising; give --valid recordings that are not trained on, or none."
            )
        return found

    @property
    def _parts(self) -> tuple[Recordings, Recordings, Recordings]:
        return self.train, self.valid, self.test


def open_recordings(s: DataSettings) -> SpeechCorpus:
    """Read the headers of all recordings of a run with settings `s`, and split them.

    Raises UsageError as `read_rows` does, and where no recording can be trained on; LstmtuiError where a package that
    reads them is missing.
    """
    if s.corpus == FIELDS["corpus"].default:
        raise UsageError(
            "Speech is learnt from recordings; give a folder of them with a .txt beside each, or a manifest (.tsv)."
        )
    require_library()
    rows, left_out = read_rows(s.corpus, s.encoding)
    everything = _Parts.of(open_rows(rows, left_out, MAX_SECONDS), rows)
    valid, test = (_own(names, part, s.encoding, left_out) for names, part in ((s.valid, "valid"), (s.test, "test")))
    train = everything.part("train")
    valid = everything.part("valid") if valid is None else valid
    test = everything.part("test") if test is None else test
    if not len(test) and not s.test:
        train, test = hold_out(train, s.test_fraction, "test")
    if not len(valid) and not s.valid:
        train, valid = hold_out(train, s.valid_fraction, "valid")
    if not len(train):
        reasons = " ".join(left_out.notes())
        raise UsageError(f"{', '.join(s.corpus)} has no recording to train on. {reasons}".strip())
    return SpeechCorpus(train, valid, test, left_out)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Recordings, and the part that a manifest names for each."""

    recordings: Recordings
    names: NDArray[np.str_]

    @classmethod
    def of(cls, recordings: Recordings, rows: Sequence[Row]) -> _Parts:
        """`rows` has those that were opened, in their order, and others."""
        part_of = {row.file: row.part for row in rows}
        return cls(recordings, np.array([part_of[file] for file in recordings.files], dtype=np.str_))

    def part(self, name: str) -> Recordings:
        """Return those of a part; what has no part is trained on."""
        return self.recordings.select((self.names == name) | ((self.names == "") if name == "train" else False))


def _own(names: Sequence[str], part: str, encoding: str, left_out: LeftOut) -> Recordings | None:
    """Return the recordings of `--valid` or `--test`: of a manifest with this part, that; None where none is named."""
    if not names:
        return None
    rows, own = read_rows(names, encoding)
    rows = [row for row in rows if row.part == part] or rows
    own.count = len(rows) + own.without_text
    found = open_rows(rows, own, MAX_SECONDS)
    left_out.add(own)
    if not len(found):
        raise UsageError(f"{', '.join(names)} has no recording to evaluate. {' '.join(own.notes())}".strip())
    return found


def hold_out(recordings: Recordings, fraction: float, key: str) -> tuple[Recordings, Recordings]:
    """Return what is left, and about this fraction of the recordings, whole speakers where it can be (see `drawn`)."""
    chosen = drawn([file.name for file in recordings.files], recordings.speakers, fraction, key)
    return recordings.select(~chosen), recordings.select(chosen)
