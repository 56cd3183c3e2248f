"""Word boundaries in any script, and the spaces around words.

    WORD      letters, digits, apostrophes, underscore: adjacent ones form a word
    UNIT      a character of a script that is written without spaces (Chinese, Japanese, Thai, ...), or an emoji: each
              is a word of its own
    EXTEND    combining marks, joiners and other invisible characters: they belong to the character before them
    SPACE     white space of every kind
    OTHER     punctuation and symbols: they end words

Source: Unicode Standard Annex 29, "Unicode Text Segmentation", with the properties of the `regex` package.
Two differences: an apostrophe at the end belongs to its word, since the next letter is unknown while a person types,
and each Katakana character is a unit, where the annex joins them.

Text is UTF-8 that may start or stop within a character: invalid bytes count as letters, and the first bytes of a
character as the most common kind of character that begins with them. `regex` is imported for text that is not ASCII.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import IntEnum
from functools import cache, lru_cache
from typing import Any

MAX_WORD = 1024
"""Bytes at the end of a text that are searched for the partial word."""
MAX_RUN = 64
"""Bytes of text without a space that are tokenised together, and of a partial word that is completed."""


class CharKind(IntEnum):
    """The role of a character in words."""

    SPACE = 0
    OTHER = 1
    WORD = 2
    UNIT = 3
    EXTEND = 4
    PART = 5
    """A continuation byte of a character."""


_ASCII_WORD = re.compile(rb"[0-9A-Za-z'_]+")
_ASCII_PIECE = re.compile(rb"[0-9A-Za-z'_]+|\n")
_ASCII_KINDS = tuple(
    CharKind.WORD
    if re.match(r"[0-9A-Za-z'_]", chr(code))
    else CharKind.SPACE
    if chr(code).isspace()
    else CharKind.OTHER
    for code in range(128)
)

_MIDDLE = "'’＇·՟״"
"""Marks between letters of a word: apostrophes, and marks of Catalan, Armenian and Hebrew."""
_SCRIPTS = (
    "Han", "Hiragana", "Katakana", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Tai_Le", "New_Tai_Lue",
    "Tai_Tham", "Tai_Viet", "Ahom", "Javanese", "Balinese",
)  # fmt: skip
"""Scripts without spaces between words."""
_EXTEND = r"[\p{M}\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]"
_CHARACTER = "[[" + "".join(r"\p{" + name + "}" for name in _SCRIPTS) + r"\p{WB=Katakana}]&&[\p{L}\p{N}]]"
_UNIT = rf"[{_CHARACTER}[\p{{Extended_Pictographic}}--[©®™‼⁉]]\p{{RI}}]"
_WORD = rf"[[\p{{L}}\p{{N}}\p{{Pc}}\p{{Cs}}{_MIDDLE}]--{_UNIT}]"
_SPACED = r"[\p{L}--" + _UNIT + "]"
_SPACES = re.compile("[ \t\n\r\v\f\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_CLOSING = r"[\p{Pe}\p{Pf}\p{Terminal_Punctuation}…]"

# The kind of a character of which only the first byte is known: that of the most common characters.
_FIRST_BYTES = {0xC2: CharKind.OTHER, 0xE2: CharKind.OTHER, 0xEF: CharKind.OTHER, 0xF0: CharKind.UNIT}
_FIRST_BYTES |= dict.fromkeys(range(0xE3, 0xEA), CharKind.UNIT)


@cache
def _pattern(source: str) -> Any:
    import regex  # 15 ms, which ASCII text does not need

    return regex.compile(source, regex.VERSION1)


def _words() -> Any:
    return _pattern(rf"{_UNIT}{_EXTEND}*|{_WORD}[{_WORD}{_EXTEND}]*")


def _pieces() -> Any:
    return _pattern(rf"{_UNIT}{_EXTEND}*|{_WORD}[{_WORD}{_EXTEND}]*|\n")


@lru_cache(maxsize=1 << 14)
def char_kind(char: str) -> CharKind:
    """Return the kind of one character."""
    if char.isascii():
        return _ASCII_KINDS[ord(char)]
    if char.isspace():
        return CharKind.SPACE
    for source, found in ((_EXTEND, CharKind.EXTEND), (_UNIT, CharKind.UNIT), (_WORD, CharKind.WORD)):
        if _pattern(source).match(char):
            return found
    return CharKind.OTHER


def first_kind(text: bytes) -> CharKind:
    """Return the kind of the first character of `text`; SPACE for an empty text."""
    if not text:
        return CharKind.SPACE
    first = text[0]
    if first < 0x80:
        return _ASCII_KINDS[first]
    if first < 0xC0:
        return CharKind.PART
    char = text[: _length(first)].decode("utf-8", "ignore")
    return char_kind(char[0]) if char else _FIRST_BYTES.get(first, CharKind.WORD)


def last_kind(text: bytes) -> CharKind:
    """Return the kind of the last character of `text` before combining marks; SPACE for an empty text."""
    at = len(text)
    while at:
        at -= 1
        while at and text[at] & 0xC0 == 0x80:
            at -= 1
        found = first_kind(text[at:])
        if found < CharKind.EXTEND or not at:
            return found if found < CharKind.EXTEND else CharKind.OTHER
    return CharKind.SPACE


def continues_word(before: CharKind, first: CharKind) -> bool:
    """Return whether a character of kind `first` belongs to the word that ends in one of kind `before`."""
    return first >= CharKind.EXTEND or (first is CharKind.WORD and before is CharKind.WORD)


# --- words of a text --------------------------------------------------------------------------------------------------


def word_spans(text: bytes) -> list[tuple[int, int]]:
    """Return the start and stop of each word of `text`."""
    if text.isascii():
        return [found.span() for found in _ASCII_WORD.finditer(text)]
    return [(start, stop) for start, stop, _ in _found(text, _words(), 0)]


def word_and_line_spans(text: bytes, start: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Yield start, stop and bytes of each word and line end of `text` from `start` on."""
    if text[start:].isascii():
        return ((found.start(), found.end(), found[0]) for found in _ASCII_PIECE.finditer(text, start))
    return _found(text, _pieces(), start)


def words_and_line_ends(text: bytes) -> list[bytes]:
    """Return the words of `text` and its line ends, in order."""
    if text.isascii():
        return _ASCII_PIECE.findall(text)
    found = _pieces().findall(text.decode("utf-8", "surrogateescape"))
    return [word.encode("utf-8", "surrogateescape") for word in found]


def has_word(text: bytes) -> bool:
    """Return whether `text` has a word."""
    if text.isascii():
        return _ASCII_WORD.search(text) is not None
    return _words().search(text.decode("utf-8", "surrogateescape")) is not None


def through_first_word(text: bytes) -> bytes:
    """Return `text` up to the end of its first word; all of it without a word."""
    return next((text[:stop] for _, stop, word in word_and_line_spans(text) if word != b"\n"), text)


def partial_word(text: bytes) -> bytes:
    """Return the partial word at the end of `text`: the letters of the word that is being typed.

    Empty after a space, after punctuation, and after a character that is a word of its own.
    """
    start = len(text)
    while start and text[start - 1] < 0x80 and _ASCII_KINDS[text[start - 1]] is CharKind.WORD:
        start -= 1
    if not start or text[start - 1] < 0x80:
        return text[start:]
    tail = text[-MAX_WORD:].decode("utf-8", "surrogateescape")
    at = len(tail)
    while at and char_kind(tail[at - 1]) in (CharKind.WORD, CharKind.EXTEND):
        at -= 1
    while at < len(tail) and char_kind(tail[at]) is CharKind.EXTEND:  # marks of the character before the word
        at += 1
    return tail[at:].encode("utf-8", "surrogateescape")


def _found(text: bytes, pattern: Any, start: int) -> Iterator[tuple[int, int, bytes]]:
    at, seen = start, 0
    decoded = text[start:].decode("utf-8", "surrogateescape")
    for found in pattern.finditer(decoded):
        first, last = found.span()
        at += len(decoded[seen:first].encode("utf-8", "surrogateescape"))
        word = found[0].encode("utf-8", "surrogateescape")
        yield at, at + len(word), word
        at, seen = at + len(word), last


def _length(first: int) -> int:
    """Return the length in bytes of a character with this first byte."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


# --- spaces -----------------------------------------------------------------------------------------------------------


def takes_space_after(text: str) -> bool:
    """Return whether the script of the last word of `text` puts a space after it."""
    return last_kind(text.encode("utf-8", "surrogatepass")) is CharKind.WORD


def is_closing_punctuation(char: str) -> bool:
    """Return whether `char` is punctuation that follows a word without a space, such as . , ; : ! ? ) in any script."""
    if char.isascii():
        return char in ".,;:!?)]}"
    return _pattern(_CLOSING).fullmatch(char) is not None


def unspaced_fraction(text: str) -> float:
    """Return the fraction of the letters of `text` that belong to scripts without spaces."""
    if text.isascii():
        return 0.0
    characters = len(_pattern(_CHARACTER).findall(text))
    return characters / max(1, characters + len(_pattern(_SPACED).findall(text)))


# --- text as words and spaces -----------------------------------------------------------------------------------------


def split_at_spaces(text: bytes) -> list[bytes]:
    """Return the pieces between spaces; those of scripts without spaces are split into words and the rest."""
    if text.isascii():
        return text.split()
    found: list[str] = []
    for piece in _SPACES.split(text.decode("utf-8", "surrogateescape")):
        if not piece.isascii() and _pattern(_CHARACTER).search(piece):
            found += _parts().findall(piece)
        elif piece:
            found.append(piece)
    return [piece.encode("utf-8", "surrogateescape") for piece in found]


def _parts() -> Any:
    return _pattern(rf"{_UNIT}{_EXTEND}*|{_WORD}[{_WORD}{_EXTEND}]*|[^{_UNIT}{_WORD}]+")


def separated_by_space(before: bytes, after: bytes) -> bool:
    """Return whether a space separates two adjacent pieces.

    None stands beside East Asian punctuation, between characters of scripts without spaces, or between such a character
    and punctuation.
    """
    if before.isascii() and after.isascii():
        return True
    sides = _side(before, -1), _side(after, 0)
    return not (_Side.WIDE in sides or sides == (_Side.CHARACTER,) * 2 or set(sides) == {_Side.CHARACTER, _Side.MARK})


def joins_without_space(before: bytes) -> bool:
    """Return whether `before` ends in a script without spaces, so that a word may follow it directly."""
    return not before[-1:].isascii() and _side(before[-16:], -1) in (_Side.CHARACTER, _Side.WIDE)


class _Side(IntEnum):
    """The kind of character at the start or end of a piece."""

    LETTER = 0
    CHARACTER = 1
    MARK = 2
    WIDE = 3


@lru_cache(maxsize=1 << 14)
def _side(piece: bytes, at: int) -> _Side:
    text = _pattern(_EXTEND).sub("", piece.decode("utf-8", "surrogateescape"))
    char = text[at : at + 1] or text[at:]
    if not char or char_kind(char) is CharKind.WORD:
        return _Side.LETTER
    if _pattern(_CHARACTER).match(char):
        return _Side.CHARACTER
    return (
        _Side.WIDE if unicodedata.east_asian_width(char) in "WF" and char_kind(char) is CharKind.OTHER else _Side.MARK
    )


# --- words within a search --------------------------------------------------------------------------------------------


def begins_inside_word(text: bytes) -> bool:
    """Return whether the first character of `text` continues a word of letters."""
    return continues_word(CharKind.WORD, first_kind(text))


def word_end(text: bytes, start: int) -> int:
    """Return the end of the word of letters that continues at `start`; `start` itself without one."""
    at = start
    while at < len(text) and begins_inside_word(text[at : at + 4]):
        at += 1
        while at < len(text) and text[at] & 0xC0 == 0x80:
            at += 1
    return at


def completes_word(text: bytes) -> bool:
    """Return whether a word ends within `text`."""
    return has_word(text) and len(through_first_word(text)) < len(text)
