"""Recordings with their transcripts: a folder of sound files beside .txt files, or a manifest.

    manifest.tsv     a first line that names the columns, then a recording a line:
                     file  transcript (or text)   and, where there are any: speaker (or voice), split
    folder           NAME.wav (flac, ogg, ...) with NAME.txt beside it, at any depth; or a manifest in the folder

A file of a manifest is found from the manifest's folder. What cannot be used is counted, told and left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.data.audio import SUFFIXES, AudioError, AudioFacts, audio_facts
from lstmtui.data.file_tables import (
    SPLIT_COLUMNS,
    clean_text,
    files_below,
    is_there,
    left_out_note,
    part_of,
    read_table,
    table_in,
    text_of,
)
from lstmtui.errors import UsageError

FILE_COLUMNS = ("file", "path", "audio")
TEXT_COLUMNS = ("transcript", "text", "sentence")
SPEAKER_COLUMNS = ("speaker", "voice", "client_id")
MAX_SECONDS = 60
"""Of a recording that is trained on: its states of all layers are in memory at once."""


class Row(NamedTuple):
    """A recording that a manifest or a folder names."""

    file: Path
    text: str
    speaker: str = ""
    part: str = ""
    """train, valid or test; empty where nothing says it."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings that can be used, with their transcripts."""

    files: tuple[Path, ...]
    texts: tuple[str, ...]
    speakers: tuple[str, ...]
    """Empty where they are unknown."""
    facts: tuple[AudioFacts, ...]
    """What their headers say."""

    def __len__(self) -> int:
        return len(self.files)

    @property
    def seconds(self) -> tuple[float, ...]:
        """The duration of each."""
        return tuple(facts.seconds for facts in self.facts)

    def select(self, chosen: NDArray[np.bool_]) -> Recordings:
        """Return the chosen recordings, in their order."""
        at = np.flatnonzero(chosen)
        return Recordings(
            tuple(self.files[n] for n in at),
            tuple(self.texts[n] for n in at),
            tuple(self.speakers[n] for n in at),
            tuple(self.facts[n] for n in at),
        )


@dataclass(slots=True)
class LeftOut:
    """What is left out of the recordings that were named, and why."""

    count: int = 0
    """Of all that were named."""
    without_text: int = 0
    """Files of a folder without a .txt beside them."""
    empty_text: int = 0
    too_long: int = 0
    unreadable: list[AudioError] = field(default_factory=list)

    def add(self, other: LeftOut) -> None:
        """Add what is left out of other recordings."""
        self.count += other.count
        self.without_text += other.without_text
        self.empty_text += other.empty_text
        self.too_long += other.too_long
        self.unreadable += other.unreadable

    def notes(self) -> list[str]:
        """Return a sentence of what is left out; none where nothing is."""
        reasons = {
            "without a text beside it": self.without_text,
            "with an empty text": self.empty_text,
            f"longer than {MAX_SECONDS} s (cut them at pauses)": self.too_long,
        }
        return left_out_note(_recordings(self.count), reasons, self.unreadable)


def _recordings(count: int) -> str:
    return f"{count:,} recording{'' if count == 1 else 's'}"


def read_rows(names: Sequence[str], encoding: str = "") -> tuple[list[Row], LeftOut]:
    """Return what folders and manifests name, before any recording is opened.

    Raises UsageError for a name that is neither, and a manifest without the columns that are needed.
    """
    rows: list[Row] = []
    left_out = LeftOut()
    for name in names:
        path = Path(name).expanduser()
        if not is_there(path):
            raise UsageError(f"There is no folder or manifest {name!r}.")
        if path.is_dir():
            found, without = _folder(path, encoding)
            left_out.without_text += without
        elif path.suffix.lower() in SUFFIXES:
            raise UsageError(f"{name} is one recording; give a folder of recordings with their texts, or a manifest.")
        else:
            found = _manifest(path, encoding)
        rows += found
    left_out.count = len(rows) + left_out.without_text
    return rows, left_out


def rows_to_test(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """Return the rows for the test where a manifest names some, else all; and a sentence where that leaves others."""
    chosen = [row for row in rows if row.part == "test"]
    if not chosen or len(chosen) == len(rows):
        return list(rows), ""
    verb = "is" if len(chosen) == 1 else "are"
    return chosen, f"Of {_recordings(len(rows))}, the {len(chosen):,} for the test {verb} evaluated (column split)."


def open_rows(rows: Sequence[Row], left_out: LeftOut, max_seconds: float = math.inf) -> Recordings:
    """Return the recordings of at most `max_seconds` with samples and a text; the others are added to `left_out`."""
    kept: list[tuple[Row, AudioFacts]] = []
    for row in rows:
        if not row.text:
            left_out.empty_text += 1
            continue
        try:
            facts = audio_facts(row.file)
        except AudioError as error:
            left_out.unreadable.append(error)
            continue
        if facts.seconds > max_seconds:
            left_out.too_long += 1
        else:
            kept.append((row, facts))
    files, texts, speakers, _ = zip(*(row for row, _ in kept), strict=True) if kept else ((), (), (), ())
    return Recordings(files, texts, speakers, tuple(facts for _, facts in kept))


# --- manifests --------------------------------------------------------------------------------------------------------


def _manifest(path: Path, encoding: str) -> list[Row]:
    table = read_table(path, encoding)
    file, text = table.column(FILE_COLUMNS), table.column(TEXT_COLUMNS)
    if file is None or text is None:
        raise UsageError(
            f"The first line of {path} must name its columns, with tabs between them: file and text, and where you "
            f"have them speaker and split."
        )
    speaker, part = table.column(SPEAKER_COLUMNS), table.column(SPLIT_COLUMNS)
    return [
        Row(path.parent / row.name(file), clean_text(row.cell(text)), row.cell(speaker), part_of(row.cell(part)))
        for row in table.rows
    ]


# --- folders ----------------------------------------------------------------------------------------------------------


def _folder(folder: Path, encoding: str) -> tuple[list[Row], int]:
    """Return the recordings of a folder with a text, and how many have none. Raises UsageError for an empty folder."""
    if manifest := table_in(folder, FILE_COLUMNS, TEXT_COLUMNS):
        return _manifest(manifest, encoding), 0
    rows, without = [], 0
    for path in files_below(folder, SUFFIXES):
        text = path.with_suffix(".txt")
        if text.is_file():
            rows.append(Row(path, clean_text(text_of(text, encoding))))
        else:
            without += 1
    if not rows:
        found = f"{_recordings(without)} in it, but no" if without else "no recording with a"
        raise UsageError(
            f"The folder {folder} has {found} .txt file of the same name, and no manifest; give recordings with their "
            f"texts, or a manifest (.tsv) with the columns file and text."
        )
    return rows, without
