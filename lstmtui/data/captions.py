"""Pictures with their captions: a folder of pictures beside .txt files, a table, or packed pictures with a table.

    captions.tsv   a first line that names the columns, then a picture, or one more caption of it, a line:
                   file  caption   and, where there are any: split, base (the concept), aliases (further captions,
                   commas between them)
    pictures.npz   packed pictures (`packed_pictures`), and beside them a table whose column `pictures` has the row of
                   each, empty for none
    folder         NAME.png (jpg, ...) with NAME.txt beside it, a caption a line, at any depth; or a table in the folder

A file of a table is found from the table's folder, or from `images` in it. What cannot be used is counted, told and
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.data import packed_pictures
from lstmtui.data.file_tables import (
    SPLIT_COLUMNS,
    Table,
    TableRow,
    clean_text,
    files_below,
    is_there,
    left_out_note,
    part_of,
    read_table,
    table_in,
    text_of,
)
from lstmtui.data.packed_pictures import count_packed
from lstmtui.data.pictures import SUFFIXES, PictureError, check_picture
from lstmtui.errors import UsageError

FILE_COLUMNS = ("file", "path", "image", "picture")
TEXT_COLUMNS = ("caption", "text", "description", "sentence")
CONCEPT_COLUMNS = ("base", "concept", "class")
ALIAS_COLUMNS = ("aliases",)
IMAGES = "images"
"""The folder beside a table where its files are looked for, too."""


class PictureName(NamedTuple):
    """Where a picture is: a file, or a row of a file of packed pictures."""

    file: Path
    row: int | None = None

    def __str__(self) -> str:
        return str(self.file) if self.row is None else f"{self.file}, row {self.row:,}"


class Row(NamedTuple):
    """A picture that a table or a folder names, with captions."""

    picture: PictureName
    captions: tuple[str, ...]
    """The first is the one that a figure is of where it is of one."""
    concept: str = ""
    """Pictures that show the same share it; empty where it is unknown."""
    part: str = ""
    """train, valid or test; empty where nothing says it."""
    place: int = 0
    """Among all pictures that were named, in their order."""


@dataclass(frozen=True, slots=True)
class Captions:
    """Pictures that can be used, with their captions: position n of each field is the same picture."""

    pictures: tuple[PictureName, ...]
    references: tuple[tuple[str, ...], ...]
    """The captions of each, at least one."""
    concepts: tuple[str, ...]
    """Empty where they are unknown."""
    places: tuple[int, ...]
    """Of each, see `Row.place`: its row in a file of features."""

    def __len__(self) -> int:
        return len(self.pictures)

    def select(self, chosen: NDArray[np.bool_]) -> Captions:
        """Return the chosen pictures, in their order."""
        at = np.flatnonzero(chosen)
        fields = (self.pictures, self.references, self.concepts, self.places)
        return Captions(*(tuple(values[n] for n in at) for values in fields))  # type: ignore[arg-type]


@dataclass(slots=True)
class LeftOut:
    """What is left out of the pictures that were named, and why."""

    count: int = 0
    """Of all that were named."""
    without_text: int = 0
    """Files of a folder without a .txt beside them."""
    empty_text: int = 0
    unreadable: list[PictureError] = field(default_factory=list)

    def add(self, other: LeftOut) -> None:
        """Add what is left out of other pictures."""
        self.count += other.count
        self.without_text += other.without_text
        self.empty_text += other.empty_text
        self.unreadable += other.unreadable

    def notes(self) -> list[str]:
        """Return a sentence of what is left out; none where nothing is."""
        reasons = {
            "without a text beside it": self.without_text,
            "without a caption": self.empty_text,
        }
        return left_out_note(count_pictures(self.count), reasons, self.unreadable)


def count_pictures(count: int) -> str:
    """Return the number with its noun."""
    return f"{count:,} picture{'' if count == 1 else 's'}"


def read_rows(names: Sequence[str], encoding: str = "") -> tuple[list[Row], LeftOut]:
    """Return what folders, tables and packed files name, a row a picture, before any picture is opened.

    Raises UsageError for a name that is none of these, and a table without the columns that are needed.
    """
    rows: list[Row] = []
    left_out = LeftOut()
    for name in names:
        path = Path(name).expanduser()
        if not is_there(path):
            raise UsageError(f"There is no folder or table {name!r}.")
        if path.is_dir():
            found, without = _folder(path, encoding)
            left_out.without_text += without
        elif path.suffix.lower() == packed_pictures.SUFFIX:
            found = _packed(path, encoding)
        elif path.suffix.lower() in SUFFIXES:
            raise UsageError(f"{name} is one picture; give a folder of pictures with their captions, or a table.")
        else:
            found = _table(path, encoding)
        rows += found
    rows = _joined(rows)
    left_out.count = len(rows) + left_out.without_text
    return rows, left_out


def rows_to_test(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """Return the rows for the test where a table names some, else all; and a sentence where that leaves others."""
    chosen = [row for row in rows if row.part == "test"]
    if not chosen or len(chosen) == len(rows):
        return list(rows), ""
    verb = "is" if len(chosen) == 1 else "are"
    return chosen, f"Of {count_pictures(len(rows))}, the {len(chosen):,} for the test {verb} evaluated (column split)."


def open_rows(rows: Sequence[Row], left_out: LeftOut, *, check: bool = True) -> Captions:
    """Return the pictures with a caption; the others are added to `left_out`.

    check   whether the headers of the pictures are read, and those left out that cannot be
    """
    counts: dict[Path, int] = {}
    kept: list[Row] = []
    for row in rows:
        if not row.captions:
            left_out.empty_text += 1
            continue
        try:
            if check:
                _check(row.picture, counts)
        except PictureError as error:
            left_out.unreadable.append(error)
        else:
            kept.append(row)
    pictures, captions, concepts, _, places = zip(*kept, strict=True) if kept else ((), (), (), (), ())
    return Captions(pictures, captions, concepts, places)


def _check(picture: PictureName, counts: dict[Path, int]) -> None:
    """Raise PictureError where a picture cannot be read; `counts` are the pictures of packed files seen before."""
    file, row = picture
    if row is None:
        check_picture(file)
        return
    if file not in counts:
        counts[file] = count_packed(file)
    if not 0 <= row < counts[file]:
        raise PictureError(str(picture), f"is not among the {count_pictures(counts[file])} of the file")


def _joined(rows: Iterable[Row]) -> list[Row]:
    """Return one row for each picture, with the captions of all its rows."""
    found: dict[PictureName, Row] = {}
    for row in rows:
        before = found.get(row.picture, row)
        captions = tuple(dict.fromkeys((*before.captions, *row.captions)))
        found[row.picture] = before._replace(captions=captions)
    return [row._replace(place=place) for place, row in enumerate(found.values())]


# --- tables -----------------------------------------------------------------------------------------------------------


def _table(path: Path, encoding: str) -> list[Row]:
    """Return the rows of a table of files, or of packed pictures beside it."""
    table = read_table(path, encoding)
    packed = [file for file in _packed_files(path.parent) if file.stem.lower() in table.columns]
    if len(packed) > 1:
        listed = ", ".join(file.name for file in packed)
        raise UsageError(f"{path} has captions of several files of pictures; give those that are meant: {listed}.")
    if packed:
        return _rows_of_packed(table, packed[0])
    file, text = table.column(FILE_COLUMNS), table.column(TEXT_COLUMNS)
    if file is None or text is None:
        raise UsageError(
            f"The first line of {path} must name its columns, with tabs between them: file and caption, and where you "
            f"have them split, base and aliases."
        )
    images = path.parent / IMAGES
    has_images = images.is_dir()

    def found(name: str) -> PictureName:
        beside = path.parent / name
        return PictureName(images / name if has_images and not is_there(beside) else beside)

    return [_row(table, row, found(row.name(file)), text) for row in table.rows]


def _packed_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == packed_pictures.SUFFIX)


def _packed(path: Path, encoding: str) -> list[Row]:
    """Return the rows of packed pictures, by the table beside them."""
    beside = table_in(path.parent, TEXT_COLUMNS, (path.stem.lower(),))
    if beside is None:
        raise UsageError(
            f"There is no table (.tsv) beside {path} with the columns caption and {path.stem}, which has the row of "
            f"each picture."
        )
    return _rows_of_packed(read_table(beside, encoding), path)


def _rows_of_packed(table: Table, path: Path) -> list[Row]:
    column, text = table.column((path.stem.lower(),)), table.column(TEXT_COLUMNS)
    rows = []
    for row in table.rows:
        if number := row.cell(column):
            if not number.isdecimal():
                raise UsageError(f"Line {row.number:,} of {row.table} has no row number in the column {path.stem}.")
            rows.append(_row(table, row, PictureName(path, int(number)), text))
    return rows


def _row(table: Table, row: TableRow, picture: PictureName, text: int | None) -> Row:
    aliases = row.cell(table.column(ALIAS_COLUMNS)).split(",")
    captions = dict.fromkeys(caption for one in (row.cell(text), *aliases) if (caption := clean_text(one)))
    return Row(picture, tuple(captions), row.cell(table.column(CONCEPT_COLUMNS)),
               part_of(row.cell(table.column(SPLIT_COLUMNS))))  # fmt: skip


# --- folders ----------------------------------------------------------------------------------------------------------


def _folder(folder: Path, encoding: str) -> tuple[list[Row], int]:
    """Return the pictures of a folder with a text, and how many have none. Raises UsageError for an empty folder."""
    if table := table_in(folder, FILE_COLUMNS, TEXT_COLUMNS):
        return _table(table, encoding), 0
    rows, without = [], 0
    for path in files_below(folder, SUFFIXES):
        text = path.with_suffix(".txt")
        if text.is_file():
            lines = map(clean_text, text_of(text, encoding).split("\n"))
            rows.append(Row(PictureName(path), tuple(dict.fromkeys(filter(None, lines)))))
        else:
            without += 1
    if not rows:
        found = f"{count_pictures(without)} in it, but no" if without else "no picture with a"
        raise UsageError(
            f"The folder {folder} has {found} .txt file of the same name, and no table; give pictures with their "
            f"captions, or a table (.tsv) with the columns file and caption."
        )
    return rows, without
