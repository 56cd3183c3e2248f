"""The pictures of a caption run: those that are trained on, for validation and for the test.

Parts that are neither files of their own nor named by a table are held out from the training pictures: all pictures of
some concepts, where there are enough of them, else some pictures. What is held out follows from the names alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmtui import recipe
from lstmtui.config import FIELDS, DataSettings, RunSettings, Settings
from lstmtui.data.captions import Captions, LeftOut, Row, open_rows, read_rows
from lstmtui.data.held_out import drawn
from lstmtui.data.picture_augmentation import vector_size
from lstmtui.data.picture_features import map_features, require_rows
from lstmtui.data.pictures import require_library
from lstmtui.data.tokens.words import MARKS
from lstmtui.errors import UsageError

MAX_UNKNOWN_LISTED = 10


@dataclass(frozen=True, slots=True)
class CaptionCorpus:
    """The pictures of a caption run; the parts for validation and test may be empty."""

    train: Captions
    valid: Captions
    test: Captions
    left_out: LeftOut
    named: int
    """Pictures that the corpus names, those that are left out included: the rows of a file of features."""

    @property
    def bytes(self) -> int:
        """The size of the training captions."""
        return sum(len(text.encode()) + 1 for texts in self.train.references for text in texts)

    def resolve(self, settings: Settings) -> RunSettings:
        """Return `settings` with every open field chosen by the recipe for these pictures.

        Raises UsageError for a file of features that is not one of them.
        """
        vectors, size = (settings.side // settings.patch) ** 2, vector_size(settings.patch, settings.edges)
        if settings.features:
            path = Path(settings.features).expanduser().absolute()
            rows, vectors, size = map_features(path).shape
            require_rows(path, rows, self.named)
            settings = dataclasses.replace(settings, features=str(path))
        for name, found in (("vectors", vectors), ("vector_size", size)):
            if (given := getattr(settings, name)) not in (0, found):
                raise UsageError(f"{name}: a picture has {found:,} here, not {given:,}; leave it out.")
        texts = [
            text for texts in self.train.references for text in (texts if settings.references == "all" else texts[:1])
        ]
        about = recipe.PictureSize(
            pictures=len(self.train), captions=len(texts), characters=sum(map(len, texts)),
            longest=max(map(len, texts)), longest_words=max(len(text.split()) for text in texts),
        )  # fmt: skip
        return recipe.resolve_captions(dataclasses.replace(settings, vectors=vectors, vector_size=size), about)

    def notes(self) -> list[str]:
        """Return what a person should know before a run trains on it, a sentence each."""
        found = self.left_out.notes()
        known = {word for texts in self.train.references for text in texts for word in _words(text)}
        held_out = [part for part in (self.valid, self.test) if len(part)]
        words = [word for part in held_out for texts in part.references for word in _words(texts[0])]
        unknown = sorted({word for word in words if word not in known})
        if unknown:
            part = sum(word not in known for word in words) / len(words)
            listed = ", ".join(unknown[:MAX_UNKNOWN_LISTED])
            more = f" and {len(unknown) - MAX_UNKNOWN_LISTED:,} more" if len(unknown) > MAX_UNKNOWN_LISTED else ""
            found.append(
                f"{part:.1%} of the words for validation and test stand in no training caption: {listed}{more}."
            )
        if self.valid.pictures and set(self.valid.pictures) <= set(self.train.pictures):
            found.append(
                "The validation pictures are part of the training pictures, so they cannot distinguish learning from "
                "memorising; give --valid pictures that are not trained on, or none."
            )
        return found


def _words(caption: str) -> list[str]:
    """Return the words of a caption without the marks behind them, which are not what a word is known by."""
    return [bare for word in caption.split() if (bare := word.rstrip(MARKS.decode()))]


def open_captions(s: DataSettings) -> CaptionCorpus:
    """Read the headers of all pictures of a run with settings `s`, and split them.

    Raises UsageError as `read_rows` does, and where no picture can be trained on; LstmtuiError where Pillow is missing.
    """
    if s.corpus == FIELDS["corpus"].default:
        raise UsageError(
            "Captions are learnt from pictures; give a folder of them with a .txt beside each, or a table (.tsv)."
        )
    if s.features and (s.valid or s.test):
        raise UsageError("With --features, the table itself names the parts (column split), not --valid or --test.")
    check = not s.features
    if check:
        require_library()
    rows, left_out = read_rows(s.corpus, s.encoding)
    captions = open_rows(rows, left_out, check=check)
    named = np.array([rows[place].part for place in captions.places], dtype=np.str_)
    train = captions.select((named == "") | (named == "train"))
    valid, test = (captions.select(named == part) for part in ("valid", "test"))
    if s.valid:
        valid = _own(s.valid, "valid", s.encoding, left_out)
    if s.test:
        test = _own(s.test, "test", s.encoding, left_out)
    if not len(test) and not s.test:
        train, test = _hold_out(train, s.test_fraction, "test")
    if not len(valid) and not s.valid:
        train, valid = _hold_out(train, s.valid_fraction, "valid")
    if not len(train):
        reasons = " ".join(left_out.notes())
        raise UsageError(f"{', '.join(s.corpus)} has no picture to train on. {reasons}".strip())
    return CaptionCorpus(train, valid, test, left_out, named=len(rows))


def _own(names: Sequence[str], part: str, encoding: str, left_out: LeftOut) -> Captions:
    """Return the pictures of `--valid` or `--test`: of a table with this part, that."""
    rows, own = read_rows(names, encoding)
    rows = _of_part(rows, part)
    own.count = len(rows) + own.without_text
    found = open_rows(rows, own)
    left_out.add(own)
    if not len(found):
        raise UsageError(f"{', '.join(names)} has no picture to evaluate. {' '.join(own.notes())}".strip())
    return found


def _of_part(rows: list[Row], part: str) -> list[Row]:
    return [row for row in rows if row.part == part] or rows


def _hold_out(captions: Captions, fraction: float, key: str) -> tuple[Captions, Captions]:
    """Return what is left, and about this fraction of the pictures, whole concepts where it can be (see `drawn`)."""
    names = [f"{picture.file.name} {'' if picture.row is None else picture.row}" for picture in captions.pictures]
    chosen = drawn(names, captions.concepts, fraction, key)
    return captions.select(~chosen), captions.select(chosen)
