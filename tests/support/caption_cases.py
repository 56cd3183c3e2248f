"""Examples of captions in memory: pictures that are made, not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lstmtui.data import tokens
from lstmtui.data.caption_examples import CaptionExamples, make_examples
from lstmtui.data.captions import Captions, PictureName
from lstmtui.data.picture_file import StoredPictures
from support.pictures import COLOURS, shape_picture, shapes


def shape_captions() -> Captions:
    """Return every colour and place; each third picture has a second caption, which is longer."""
    texts = [f"{colour} {place}" for colour, place in shapes()]
    return Captions(
        pictures=tuple(PictureName(Path(f"{n}.png")) for n in range(len(texts))),
        references=tuple((text, f"the half is {text}") if n % 3 == 0 else (text,) for n, text in enumerate(texts)),
        concepts=tuple(place for _, place in shapes()),
        places=tuple(range(len(texts))),
    )


def shape_grids(side: int = 16) -> StoredPictures:
    """Return the pictures of `shape_captions`."""
    values = np.stack([shape_picture(colour, place, side) for colour, place in shapes()])
    return StoredPictures(values, np.arange(len(values)), "digest", {}, ())


def shape_tokenizer() -> tokens.Tokenizer:
    """Return words, with all that the captions have."""
    captions = shape_captions()
    text = "".join(f"{caption}\n" for texts in captions.references for caption in texts)
    return tokens.train("words", [text.encode()], len(COLOURS) + 100)


def shape_examples(side: int = 16, *, max_tokens: int = 50, references: str = "all") -> CaptionExamples:
    """Return the examples of `shape_captions`."""
    found, _ = make_examples(
        shape_captions(), shape_grids(side), shape_tokenizer(), max_tokens=max_tokens, references=references
    )
    return found
