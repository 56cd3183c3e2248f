"""A text taken apart: what the network reads as it stands, and what it is made to spell again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lstmtui.common.word_boundaries import has_word, joins_without_space, partial_word
from lstmtui.engine.autocomplete.equivalents import KnownForms, Typed
from lstmtui.engine.autocomplete.text_state import RUN, SPACES
from lstmtui.engine.inference.token_index import TokenIndex

PLAIN = Typed(b"")


@dataclass(frozen=True, slots=True)
class Question:
    """How does this text go on?"""

    before: bytes
    """What is read as it stands, in forms that the vocabulary has."""
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
    place: int = 0
    """Where in the text `before` ends."""
    typed: Typed = PLAIN
    """The forms in which the text is typed."""

    def spelt(self, word: bytes) -> Question:
        """Return the question with the word begun in another spelling."""
        return replace(self, word=word, owed=self.owed[: len(self.owed) - len(self.word)] + word)


def taken_apart(data: bytes, spelling: TokenIndex, forms: KnownForms | None = None) -> Question:
    """Return what of `data` is read as it stands, in known `forms`, and what is spelt again."""
    word = partial_word(data)[-RUN:]
    close = not word and joins_without_space(data)
    if spelling.whole_words and not close:
        run = data[1 + max(data.rfind(bytes((space,))) for space in SPACES) :]
        if len(run) > len(word) and len(spelling.covering(run)):
            word = run
    elif len(word) == RUN:  # never within a character
        word = word.lstrip(bytes(range(0x80, 0xC0)))
    place = len(data) - len(word)
    before = data[:place] if forms is None else forms.text(data[:place])
    starts = has_word(word) or (not word and before[-1:] in (b"", b" ", b"\n")) or close
    # Whole words have no token for the space between them.
    lead = spelling.joiner if before and not word and before[-1] not in SPACES and not close else b""
    owed = word
    if before.endswith(b" "):
        before, place = before[:-1], _before_last(data, place)
        owed = word if spelling.whole_words else b" " + word
    return Question(before, owed, word, starts, lead, close, place, Typed(data))


def _before_last(data: bytes, place: int) -> int:
    """Return where the character begins that ends at `place`."""
    place -= 1
    while place and data[place] & 0xC0 == 0x80:
        place -= 1
    return place
