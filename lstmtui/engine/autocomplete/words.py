"""What a word is: letters, digits, apostrophe, underscore, and every byte beyond ASCII."""

from __future__ import annotations

import re

_WORD = re.compile(rb"[0-9A-Za-z'_\x80-\xff]+")
WORD_BYTES = frozenset(byte for byte in range(256) if _WORD.fullmatch(bytes((byte,))))


def has_word(text: bytes) -> bool:
    """Return whether anything in `text` belongs to a word."""
    return _WORD.search(text) is not None


def starts_in_word(text: bytes) -> bool:
    """Return whether the first byte of `text` goes on with a word."""
    return bool(text) and text[0] in WORD_BYTES


def word_begun(text: bytes) -> bytes:
    """Return the end of `text` that belongs to the word being typed; empty after a space or punctuation."""
    start = len(text)
    while start and text[start - 1] in WORD_BYTES:
        start -= 1
    return text[start:]


def first_word(text: bytes) -> bytes:
    """Return `text` up to the end of the first word in it."""
    found = _WORD.search(text)
    return text[: found.end()] if found else text


def split(text: bytes) -> list[bytes]:
    """Return the words of `text`, in order."""
    return _WORD.findall(text)


def places(text: bytes) -> list[tuple[int, int]]:
    """Return where each word of `text` starts and stops."""
    return [found.span() for found in _WORD.finditer(text)]
