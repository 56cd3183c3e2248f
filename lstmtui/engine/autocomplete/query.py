"""A text to complete, split into what the network reads and what its tokens spell again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lstmtui.common.word_boundaries import MAX_RUN, has_word, joins_without_space, partial_word
from lstmtui.engine.autocomplete.normalisation import Normaliser, TypedForms
from lstmtui.engine.autocomplete.text_state import SPACES
from lstmtui.engine.inference.token_index import TokenIndex

PLAIN = TypedForms(b"")


@dataclass(frozen=True, slots=True)
class Query:
    """A text to complete."""

    before: bytes
    """What is read, normalised."""
    prefix: bytes
    """What tokens spell again: the partial word, with its space where that is part of tokens."""
    partial_word: bytes
    """The beginning of the word being typed."""
    starts_word: bool = True
    """Whether continuations form a word from its beginning: they follow a partial word, a space or a line end."""
    separator: bytes = b""
    """What must come between the text and the next word, if no token stands for it."""
    unspaced: bool = False
    """Whether the next word may follow without a space, as in scripts without spaces."""
    read_to: int = 0
    """Where `before` ends in the typed text."""
    forms: TypedForms = PLAIN
    """The forms in which the text is typed."""

    def with_partial_word(self, word: bytes) -> Query:
        """Return the query with a variant of the partial word."""
        return replace(self, partial_word=word, prefix=self.prefix[: len(self.prefix) - len(self.partial_word)] + word)


def parse(data: bytes, token_index: TokenIndex, normaliser: Normaliser | None = None) -> Query:
    """Return the query of a text."""
    word = partial_word(data)[-MAX_RUN:]
    unspaced = not word and joins_without_space(data)
    if token_index.whole_words and not unspaced:
        run = data[1 + max(data.rfind(bytes((space,))) for space in SPACES) :]
        if len(run) > len(word) and len(token_index.covering(run)):
            word = run
    elif len(word) == MAX_RUN:  # never within a character
        word = word.lstrip(bytes(range(0x80, 0xC0)))
    read_to = len(data) - len(word)
    before = data[:read_to] if normaliser is None else normaliser.normalise_text(data[:read_to])
    starts_word = has_word(word) or (not word and before[-1:] in (b"", b" ", b"\n")) or unspaced
    # Word tokens leave out the space between words.
    needs_separator = before and not word and before[-1] not in SPACES and not unspaced
    separator = token_index.joiner if needs_separator else b""
    prefix = word
    if before.endswith(b" "):
        before, read_to = before[:-1], _last_character(data, read_to)
        prefix = word if token_index.whole_words else b" " + word
    return Query(before, prefix, word, starts_word, separator, unspaced, read_to, TypedForms(data))


def _last_character(data: bytes, end: int) -> int:
    """Return where the character begins that ends at `end`."""
    end -= 1
    while end and data[end] & 0xC0 == 0x80:
        end -= 1
    return end
