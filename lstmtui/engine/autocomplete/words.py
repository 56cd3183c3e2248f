"""Words as the search for them sees them: see `lstmtui.common.word_boundaries`."""

from __future__ import annotations

from lstmtui.common.word_boundaries import Kind, first_kind, first_word, goes_on, has_word, places, word_begun

__all__ = ["first_word", "has_word", "places", "starts_in_word", "word_begun"]


def starts_in_word(text: bytes) -> bool:
    """Return whether the first character of `text` goes on with a word of letters."""
    return goes_on(Kind.WORD, first_kind(text))
