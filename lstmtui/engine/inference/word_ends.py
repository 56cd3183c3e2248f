"""Words as the search for them sees them: see `lstmtui.common.word_boundaries`."""

from __future__ import annotations

from lstmtui.common.word_boundaries import Kind, first_kind, first_word, goes_on, has_word, places, word_begun

__all__ = ["closes_word", "end_of_word", "first_word", "has_word", "places", "starts_in_word", "word_begun"]


def starts_in_word(text: bytes) -> bool:
    """Return whether the first character of `text` goes on with a word of letters."""
    return goes_on(Kind.WORD, first_kind(text))


def end_of_word(text: bytes, start: int) -> int:
    """Return where the word of letters ends that goes on at `start`; `start` itself where none does."""
    at = start
    while at < len(text) and starts_in_word(text[at : at + 4]):
        at += 1
        while at < len(text) and text[at] & 0xC0 == 0x80:
            at += 1
    return at


def closes_word(text: bytes) -> bool:
    """Return whether a word ends within `text`."""
    return has_word(text) and len(first_word(text)) < len(text)
