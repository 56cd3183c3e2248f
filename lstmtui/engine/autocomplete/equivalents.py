"""Spellings that mean the same: small and capital letters, composed and decomposed ones, and typewriter forms.

What a person types is read in the forms that the vocabulary has, and what is proposed is written as that person types.
Source: Unicode Standard Annex 15, "Unicode Normalization Forms".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.token_index import TokenIndex

MIN_KEPT = 256
"""Bytes after which what was read in other forms is kept for the next question."""
MAX_LOOKED_AT = 2048
"""Bytes before the cursor that tell which forms a person types."""
_RUN = re.compile(rb"[^ \t\n\r\v\f]+")
_TYPEWRITER = {
    **dict.fromkeys("\u2019\u2018\u201b\u02bc\u00b4", ("'",)),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", ('"',)),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", ("-",)),
    **dict.fromkeys("\u2014\u2015", ("--", "-")),
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000", (" ",)),
    "\u2026": ("...",),
    "'": ("\u2019",),
    '"': ("\u201c",),
    "-": ("\u2010", "\u2013"),
}
"""What stands for a character where the vocabulary has not got it."""
_APOSTROPHES = ("'", "\u2019")


class KnownForms:
    """Texts in the forms that a vocabulary has; without loss of anything that it knows already."""

    def __init__(self, tokenizer: Tokenizer, spelling: TokenIndex) -> None:
        self._spelling = spelling
        self._characters = _characters(tokenizer, spelling)
        self._table = _Table(self._characters) if self._characters is not None else None
        known = self._characters if self._characters is not None else map(chr, range(128))
        self._ascii = "".join(char for char in known if char.isascii()).encode()
        self._word = lru_cache(maxsize=1 << 14)(self._known_word)
        self._raw = self._mapped = b""

    def text(self, data: bytes) -> bytes:
        """Return `data` in known forms. A text that has grown is not looked through again."""
        if not data.startswith(self._raw):
            self._raw = self._mapped = b""
        fresh = data[len(self._raw) :]
        found = self._mapped + self.known(fresh)
        cut = 1 + max(fresh.rfind(b" "), fresh.rfind(b"\n"))
        if cut > MIN_KEPT:
            self._mapped += self.known(fresh[:cut])
            self._raw = data[: len(self._raw) + cut]
        return found

    def spellings(self, word: bytes) -> list[bytes]:
        """Return the spellings in which `word`, as it was typed, may be known: itself first."""
        text = word.decode("utf-8", "surrogateescape")
        found = dict.fromkeys([text])
        for cased in (text, text.lower(), text[:1].upper() + text[1:].lower(), text.upper()):
            found[cased] = None
            for typed, other in (_APOSTROPHES, _APOSTROPHES[::-1]):
                if typed in cased:
                    found[cased.replace(typed, other)] = None
        for form in ("NFC", "NFD"):
            if not text.isascii():
                found |= dict.fromkeys(unicodedata.normalize(form, spelt) for spelt in list(found))
        if self._characters is not None:
            known = [spelt for spelt in found if self._characters.issuperset(spelt)]
            found = dict.fromkeys([text, *known])
        return [spelt.encode("utf-8", "surrogateescape") for spelt in found]

    def known(self, data: bytes) -> bytes:
        """Return `data` in known forms."""
        if data.isascii() and not data.translate(None, self._ascii) and not self._spelling.whole_words:
            return data
        if not self._spelling.whole_words:
            return self._known_characters(data)
        return _RUN.sub(lambda run: self._word(run[0]), self._spaced(data))

    def _spaced(self, data: bytes) -> bytes:
        """Return `data` with spaces of ASCII."""
        if data.isascii():
            return data
        text = data.decode("utf-8", "surrogateescape")
        return "".join(" " if _TYPEWRITER.get(c) == (" ",) else c for c in text).encode("utf-8", "surrogateescape")

    def _known_characters(self, data: bytes) -> bytes:
        text = data.decode("utf-8", "surrogateescape")
        if self._characters is None or not self._characters.issuperset(text):
            text = unicodedata.normalize("NFC", text)
        return (text.translate(self._table) if self._table is not None else text).encode("utf-8", "surrogateescape")

    def _known_word(self, word: bytes) -> bytes:
        """Return what stands between spaces as the vocabulary has it; as it is where it does not."""
        spelling = self._spelling
        if spelling.token(word) is not None:
            return word
        for spelt in self.spellings(word):
            if spelling.token(spelt) is not None:
                return spelt
            if spelling.token(mapped := self._known_characters(spelt)) is not None:
                return mapped
        return word


class _Table(dict[int, str | int]):
    """What each character is replaced with, by code point; itself where it is known, or nothing like it is."""

    def __init__(self, known: frozenset[str]) -> None:
        super().__init__()
        self._known_characters = known

    def __missing__(self, code: int) -> str | int:
        char = chr(code)
        found: str | int = code
        if char not in self._known_characters:
            others = (*_TYPEWRITER.get(char, ()), unicodedata.normalize("NFD", char), char.lower(), char.upper())
            found = next((other for other in others if self._known_characters.issuperset(other)), code)
        self[code] = found
        return found


def _characters(tokenizer: Tokenizer, spelling: TokenIndex) -> frozenset[str] | None:
    """Return the characters that a vocabulary has; None where it has bytes, of which every character can be made."""
    if tokenizer.kind == "bytes":
        return None
    pieces = (piece for token, piece in enumerate(spelling.pieces) if token != tokenizer.unk)
    known = frozenset(b" ".join(pieces).decode("utf-8", "ignore"))
    return known | frozenset(map(chr, range(128))) if tokenizer.kind == "bpe" else known


# --- as it was typed --------------------------------------------------------------------------------------------------


class Typed:
    """The forms in which a person types, told from the end of the text."""

    def __init__(self, data: bytes) -> None:
        tail = data[-MAX_LOOKED_AT:].decode("utf-8", "ignore")
        at = max(tail.rfind(form) for form in _APOSTROPHES)
        self._apostrophe = tail[at] if at >= 0 else ""
        self._decomposed = not tail.isascii() and not unicodedata.is_normalized("NFC", tail)
        self.plain = not self._apostrophe and not self._decomposed
        """Nothing in the text asks for another form than the vocabulary's."""

    def written(self, added: bytes, spelt: bytes = b"", typed: bytes = b"") -> bytes:
        """Return what is `added` to a word that is known as `spelt`, in the forms of the word `typed`."""
        if self.plain and spelt == typed:
            return added
        try:
            text, known, word = added.decode(), spelt.decode(), typed.decode()
        except UnicodeDecodeError:
            return added
        if _is_capital(word) and not _is_capital(known):
            text = text.upper()
        elif _is_capital(known) and not _is_capital(word):
            text = text.lower()
        if self._apostrophe:
            for form in _APOSTROPHES:
                text = text.replace(form, self._apostrophe)
        if self._decomposed:
            text = unicodedata.normalize("NFD", text)
        return text.encode()


def _is_capital(word: str) -> bool:
    """Return whether a word is in capital letters, of which it has two or more."""
    return word.isupper() and sum(char.isupper() for char in word) > 1
