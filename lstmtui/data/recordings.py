"""Recordings with their transcripts: a folder of sound files beside .txt files, or a manifest.

    manifest.tsv     a first line that names the columns, then a recording a line:
                     file  transcript (or text)   and, where there are any: speaker (or voice), split
    folder           NAME.wav (flac, ogg, ...) with NAME.txt beside it, at any depth; or a manifest in the folder

A file of a manifest is found from the manifest's folder. What cannot be used is counted, told and left out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.data.audio import SUFFIXES, AudioError, AudioFacts, audio_facts
from lstmtui.data.reading import ReadOptions, read_text
from lstmtui.errors import UsageError

FILE_COLUMNS = ("file", "path", "audio")
TEXT_COLUMNS = ("transcript", "text", "sentence")
SPEAKER_COLUMNS = ("speaker", "voice", "client_id")
SPLIT_COLUMN = "split"
MAX_SECONDS = 60
"""Of a recording that is trained on: its states of all layers are in memory at once."""
PARTS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid", "dev": "valid", "test": "test"}
"""What a manifest says of a recording's part, and the part."""


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
            "that cannot be read": len(self.unreadable),
        }
        left_out = sum(reasons.values())
        if not left_out:
            return []
        words = ", ".join(f"{number:,} {reason}" for reason, number in reasons.items() if number)
        first = f"; the first of these: {self.unreadable[0]}" if self.unreadable else "."
        return [
            f"Of {_recordings(self.count)}, {left_out:,} {'is' if left_out == 1 else 'are'} left out: {words}{first}"
        ]


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
        if not _exists(path):
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


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except ValueError:  # a NUL in the name
        return False


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
    lines = _text(path, encoding).split("\n")
    columns = [name.strip().lower() for name in lines[0].split("\t")]
    file, text = _column(columns, FILE_COLUMNS), _column(columns, TEXT_COLUMNS)
    if file is None or text is None:
        raise UsageError(
            f"The first line of {path} must name its columns, with tabs between them: file and text, and where you "
            f"have them speaker and split."
        )
    speaker, part = _column(columns, SPEAKER_COLUMNS), _column(columns, (SPLIT_COLUMN,))
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) <= file or not cells[file].strip():
            raise UsageError(f"Line {number:,} of {path} names no file.")

        def cell(at: int | None, cells: list[str] = cells) -> str:
            return cells[at].strip() if at is not None and at < len(cells) else ""

        rows.append(
            Row(path.parent / cell(file), clean_text(cell(text)), cell(speaker), PARTS.get(cell(part).lower(), ""))
        )
    return rows


def _column(columns: list[str], names: Sequence[str]) -> int | None:
    """Return the column of the first of `names` that there is."""
    return next((columns.index(name) for name in names if name in columns), None)


def clean_text(text: str) -> str:
    """Return a transcript with one space between words and none around them."""
    return " ".join(text.split())


def _text(path: Path, encoding: str) -> str:
    """Return the text of a file, none of an empty one, which is no corpus but may be a transcript."""
    if not path.stat().st_size:
        return ""
    return read_text([str(path)], ReadOptions(encoding=encoding, keep_everything=True)).decode("utf-8")


# --- folders ----------------------------------------------------------------------------------------------------------


def _folder(folder: Path, encoding: str) -> tuple[list[Row], int]:
    """Return the recordings of a folder with a text, and how many have none. Raises UsageError for an empty folder."""
    if manifest := _manifest_in(folder):
        return _manifest(manifest, encoding), 0
    rows, without = [], 0
    for path in _recordings_below(folder):
        text = path.with_suffix(".txt")
        if text.is_file():
            rows.append(Row(path, clean_text(_text(text, encoding))))
        else:
            without += 1
    if not rows:
        found = f"{_recordings(without)} in it, but no" if without else "no recording with a"
        raise UsageError(
            f"The folder {folder} has {found} .txt file of the same name, and no manifest; give recordings with their "
            f"texts, or a manifest (.tsv) with the columns file and text."
        )
    return rows, without


def _manifest_in(folder: Path) -> Path | None:
    """Return the table of a folder whose first line names files and texts; the first by name."""
    for path in sorted(folder.glob("*.tsv")):
        with open(path, "rb") as stream:
            columns = stream.readline(1 << 16).decode("utf-8-sig", "replace").strip().lower().split("\t")
        if _column(columns, FILE_COLUMNS) is not None and _column(columns, TEXT_COLUMNS) is not None:
            return path
    return None


def _recordings_below(folder: Path) -> Iterator[Path]:
    """Yield the sound files in and below a folder, by their endings, sorted; hidden ones are ignored."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            Path(where, name)
            for name in sorted(files)
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        )
