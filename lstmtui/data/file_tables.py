"""Tables that name files and their texts, and folders of files with a text beside each.

    table        a first line that names the columns, tabs between them, then a file a line
    split        train, valid or test, as the column `split` says it

Files of a table are found from its own folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lstmtui.data.reading import ReadOptions, read_text
from lstmtui.errors import UsageError

SPLIT_COLUMNS = ("split",)
PARTS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid", "dev": "valid", "val": "valid",
         "test": "test"}  # fmt: skip
"""What a table says of a file's part, and the part."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of a table."""

    cells: tuple[str, ...]
    number: int
    """Of the line, from 1."""
    table: Path

    def cell(self, at: int | None) -> str:
        """Return the cell of a column, without the spaces around it; empty where there is none."""
        return self.cells[at].strip() if at is not None and at < len(self.cells) else ""

    def name(self, at: int) -> str:
        """Return the name of a file in a column. Raises UsageError where the line has none."""
        if not (found := self.cell(at)):
            raise UsageError(f"Line {self.number:,} of {self.table} names no file.")
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """Lines with named columns."""

    columns: tuple[str, ...]
    """In lower case."""
    rows: tuple[TableRow, ...]

    def column(self, names: Sequence[str]) -> int | None:
        """Return the column of the first of `names` that there is."""
        return _column(self.columns, names)


def _column(columns: Sequence[str], names: Sequence[str]) -> int | None:
    return next((columns.index(name) for name in names if name in columns), None)


def read_table(path: Path, encoding: str = "") -> Table:
    """Return the table in a file; empty lines are ignored. Raises UsageError for what is no text."""
    lines = text_of(path, encoding).split("\n")
    rows = [TableRow(tuple(line.split("\t")), n, path) for n, line in enumerate(lines[1:], 2) if line.strip()]
    return Table(_names(lines[0]), tuple(rows))


def _names(line: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in line.split("\t"))


def table_in(folder: Path, *needed: Sequence[str]) -> Path | None:
    """Return the table of a folder whose first line names one column of each of `needed`; the first by name."""
    for path in sorted(folder.glob("*.tsv")):
        if path.is_file():
            with open(path, "rb") as stream:
                columns = _names(stream.readline(1 << 16).decode("utf-8-sig", "replace"))
            if all(_column(columns, names) is not None for names in needed):
                return path
    return None


def part_of(split: str) -> str:
    """Return train, valid or test for what a table says; empty where it says nothing that is known."""
    return PARTS.get(split.lower(), "")


def clean_text(text: str) -> str:
    """Return a text with one space between words and none around them."""
    return " ".join(text.split())


def text_of(path: Path, encoding: str = "") -> str:
    """Return the text of a file, none of an empty one, which is no corpus but may be the text of a file.

    Raises UsageError for what is no text.
    """
    if not path.stat().st_size:
        return ""
    return read_text([str(path)], ReadOptions(encoding=encoding, keep_everything=True)).decode("utf-8")


def left_out_note(of_all: str, reasons: Mapping[str, int], unreadable: Sequence[Exception]) -> list[str]:
    """Return a sentence of what is left out of a corpus; none where nothing is.

    of_all      how many there are, with their noun
    reasons     how many are left out for each reason, those that cannot be read excepted
    unreadable  why each of these cannot be read
    """
    counts = {**reasons, "that cannot be read": len(unreadable)}
    if not (total := sum(counts.values())):
        return []
    words = ", ".join(f"{number:,} {reason}" for reason, number in counts.items() if number)
    first = f"; the first of these: {unreadable[0]}" if unreadable else "."
    return [f"Of {of_all}, {total:,} {'is' if total == 1 else 'are'} left out: {words}{first}"]


def files_below(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    """Yield the files in and below a folder with one of these endings, sorted; hidden ones are ignored."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            Path(where, name)
            for name in sorted(files)
            if Path(name).suffix.lower() in suffixes and not name.startswith(".")
        )


def is_there(path: Path) -> bool:
    """Return whether there is a file or folder; a name with a NUL names none."""
    try:
        return path.exists()
    except ValueError:
        return False
