"""Examples: pictures as vectors, each with every one of its captions as tokens, and which can be learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import PictureSettings
from lstmtui.data.captions import Captions
from lstmtui.data.pairs import Sentences, encode_lines
from lstmtui.data.picture_features import feature_grids
from lstmtui.data.picture_file import Progress, StoredPictures, stored_pictures
from lstmtui.data.pictures import Pixels
from lstmtui.data.tokens import Tokenizer
from lstmtui.errors import UsageError


class Grids(Protocol):
    """Pictures as vectors: decoded ones, or the vectors of another network."""

    @property
    def digest(self) -> str:
        """Of what they are made of."""

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(N,): which there are."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, a sentence each."""

    def __len__(self) -> int: ...

    def select(self, chosen: NDArray[np.bool_]) -> Self:
        """Return the chosen pictures, in their order."""

    def vectors(self, n: int, s: PictureSettings, rng: np.random.Generator | None = None) -> NDArray[np.float32]:
        """Return picture n as the input (S, D) of a network; `rng` draws its augmentation, None: none."""


def grids_of(
    captions: Captions, s: PictureSettings, features: str = "", *, progress: Progress = lambda done: None,
    cache: Path | None = None,
) -> Grids:  # fmt: skip
    """Return pictures as vectors: decoded ones, or those in the file `features`.

    Raises UsageError and LstmtuiError as `stored_pictures` and `feature_grids` do.
    """
    if features:
        return feature_grids(Path(features), captions.places, (s.vectors, s.vector_size))
    return stored_pictures(captions, s.side, progress=progress, cache=cache)


class ExampleCounts(NamedTuple):
    """How many pictures and captions there were, and why some are left out."""

    read: int
    """Pictures."""
    damaged: int
    """Pictures that could not be decoded."""
    too_long: int = 0
    """Captions of more tokens than a batch has."""
    without: int = 0
    """Pictures that are left without a caption."""
    captions: int = 0
    """Those that are left."""
    unknown: int = 0
    """Tokens of these that the vocabulary lacks."""

    @property
    def left(self) -> int:
        """How many pictures are left."""
        return self.read - self.damaged - self.without

    def describe(self) -> str:
        """Return the counts in a sentence without its full stop."""
        reasons = {"damaged": self.damaged, "with too long a caption": self.without}
        parts = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
        left_out = f"; left out: {', '.join(parts)}" if parts else ""
        captions = f" with {self.captions:,} captions" if self.captions != self.left else ""
        unknown = f"; {self.unknown:,} tokens are unknown" if self.unknown else ""
        return f"{self.left:,} of {self.read:,} pictures{captions}{left_out}{unknown}"


@dataclass(frozen=True, slots=True)
class CaptionExamples:
    """Pictures that can be learnt from, with examples: one for each picture and caption, in their order."""

    captions: Captions
    grids: Grids
    tokens: Sentences
    """Of each example (E), with the line end."""
    picture: NDArray[np.int64]
    """(E,): the picture of each example."""
    unknown: int | None = None
    """The token of words that the vocabulary lacks, which is neither learnt nor evaluated; None where it lacks none."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def pictures(self) -> int:
        """How many pictures there are."""
        return len(self.captions)

    @property
    def first(self) -> NDArray[np.int64]:
        """(N,): the example of the first caption of each picture."""
        return np.flatnonzero(np.diff(self.picture, prepend=-1)).astype(np.int64)

    def vectors(self, n: int, s: PictureSettings, rng: np.random.Generator | None = None) -> NDArray[np.float32]:
        """Return picture n as the input (S, D) of a network; `rng` draws its augmentation, None: none."""
        return self.grids.vectors(n, s, rng)

    def pixels(self, n: int) -> Pixels | None:
        """Return picture n (side, side, 3) to be shown; None where there are only vectors of another network."""
        return self.grids[n] if isinstance(self.grids, StoredPictures) else None


def make_examples(
    captions: Captions, grids: Grids, tokenizer: Tokenizer, *, max_tokens: int, references: str = "all"
) -> tuple[CaptionExamples, ExampleCounts]:
    """Return the examples of pictures, and the counts.

    max_tokens   of a caption, with its line end
    references   "all" captions of a picture, or the "first" alone
    Raises UsageError where none is left.
    """
    given = [texts if references == "all" else texts[:1] for texts in captions.references]
    picture = np.repeat(np.arange(len(captions)), list(map(len, given)))
    tokens = Sentences.of(encode_lines([text for texts in given for text in texts], tokenizer))
    fits = tokens.lengths <= max_tokens
    decoded = grids.usable
    has_caption = np.zeros(len(captions), np.bool_)
    has_caption[picture[fits]] = True
    keep_picture = decoded & has_caption
    keep = fits & keep_picture[picture]
    kept = tokens.select(keep)
    counts = ExampleCounts(
        read=len(captions),
        damaged=int((~decoded).sum()),
        too_long=int((~fits).sum()),
        without=int((decoded & ~has_caption).sum()),
        captions=int(keep.sum()),
        unknown=0 if tokenizer.unk is None else int((kept.flat == tokenizer.unk).sum()),
    )
    if not counts.left:
        raise UsageError(f"No picture can be used: {counts.describe()}; give others, or a larger --batch or --bptt.")
    number = np.cumsum(keep_picture) - 1
    found = CaptionExamples(
        captions.select(keep_picture), grids.select(keep_picture), kept, number[picture[keep]], tokenizer.unk
    )  # fmt: skip
    return found, counts
