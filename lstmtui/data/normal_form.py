"""Normalisation of text: Unicode's normal form C, and a newline for every line end.

é as one character or as e with an accent, and line ends of CR LF, CR or LF, then give the same tokens.
Source: Unicode Standard Annex 15, "Unicode Normalization Forms".
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

NORMAL_FORM: Final = "NFC"
MAX_PENDING_CHARACTERS = 1 << 16
"""Characters that are held back at most until the text can be cut; real text needs few."""


def normalise(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the UTF-8 text of `chunks` in normal form; the result does not depend on the size of chunks."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = ""
    for chunk in chunks:
        if cut := _cut(text):  # the last character may compose with the next one
            yield _normal(text[:cut])
        text = text[cut:] + decoder.decode(chunk)
    if text := text + decoder.decode(b"", final=True):
        yield _normal(text)


def _normal(text: str) -> bytes:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize(NORMAL_FORM, text).encode("utf-8", "surrogateescape")


def _cut(text: str) -> int:
    """Return the last offset where `text` can be cut: before a character that never composes with the one before it."""
    for at in range(len(text) - 1, max(-1, len(text) - MAX_PENDING_CHARACTERS), -1):
        if is_composition_boundary(text[at]) and not (text[at] == "\n" and text[at - 1 : at] == "\r"):
            return at
    return max(0, len(text) - MAX_PENDING_CHARACTERS)


def is_composition_boundary(char: str) -> bool:
    """Return whether `char` never composes with a character before it."""
    code = ord(char)
    if code < 0x300:
        return True
    # Marks compose, and so do the vowels and final consonants of Hangul and Kirat Rai, which are letters.
    letters = 0x1160 <= code <= 0x11FF or 0x16D63 <= code <= 0x16D6A
    return not letters and not unicodedata.category(char).startswith("M")
