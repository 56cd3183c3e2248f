"""A text taken apart: what the network reads as it stands, and what it is made to spell again."""

from __future__ import annotations

from dataclasses import dataclass

from lstmtui.common.word_boundaries import has_word, next_word_is_close, word_begun
from lstmtui.engine.autocomplete.history import RUN, SPACES
from lstmtui.engine.autocomplete.spelling import Spelling


@dataclass(frozen=True, slots=True)
class Question:
    """How does this text go on?"""

    before: bytes
    """What is read as it stands."""
    owed: bytes
    """What is taken back and spelt again: the word begun, with its space where that is part of tokens."""
    word: bytes
    """The word begun."""
    starts: bool = True
    """What is added makes a word from its beginning: it follows the word begun, a space or a line end."""
    lead: bytes = b""
    """What must come between the text and the next word, where no token stands for it."""
    close: bool = False
    """The next word follows at once or after punctuation, as in scripts without spaces."""


def taken_apart(data: bytes, spelling: Spelling) -> Question:
    """Return what of `data` is read as it stands, and what is spelt again."""
    word = word_begun(data)[-RUN:]
    close = not word and next_word_is_close(data)
    if spelling.whole_words and not close:
        run = data[1 + max(data.rfind(bytes((space,))) for space in SPACES) :]
        if len(run) > len(word) and len(spelling.covering(run)):
            word = run
    elif len(word) == RUN:  # never within a character
        word = word.lstrip(bytes(range(0x80, 0xC0)))
    before = data[: len(data) - len(word)]
    starts = has_word(word) or (not word and data[-1:] in (b"", b" ", b"\n")) or close
    # Whole words have no token for the space between them.
    lead = spelling.joiner if data and not word and data[-1] not in SPACES and not close else b""
    if not before.endswith(b" "):
        return Question(before, word, word, starts, lead, close)
    return Question(before[:-1], word if spelling.whole_words else b" " + word, word, starts, lead)
