"""Equivalent forms of a text: upper and lower case, composed and decomposed characters, typographic and ASCII signs.

What is typed is normalised to the forms that the vocabulary has; what is proposed is written in the forms that are
typed. Source: Unicode Standard Annex 15, "Unicode Normalization Forms".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.token_index import TokenIndex

MIN_CACHED = 256
"""Bytes from which a normalised text is cached for the next query."""
STYLE_BYTES = 2048
"""Bytes before the cursor from which the typed forms are inferred."""
_RUN = re.compile(rb"[^ \t\n\r\v\f]+")
_ALTERNATIVES = {
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
"""Replacements for signs that the vocabulary lacks."""
_APOSTROPHES = ("'", "\u2019")


class Normaliser:
    """Writes texts in the forms of a vocabulary. Forms that the vocabulary has are never changed."""

    def __init__(self, tokenizer: Tokenizer, token_index: TokenIndex) -> None:
        self._token_index = token_index
        self._characters = _characters(tokenizer, token_index)
        self._table = _Table(self._characters) if self._characters is not None else None
        known = self._characters if self._characters is not None else map(chr, range(128))
        self._ascii = "".join(char for char in known if char.isascii()).encode()
        self._word = lru_cache(maxsize=1 << 14)(self._normalise_word)
        self._cached = self._cached_result = b""

    def normalise_text(self, data: bytes) -> bytes:
        """Return `data` normalised; the beginning that it shares with the last text is not processed again."""
        if not data.startswith(self._cached):
            self._cached = self._cached_result = b""
        rest = data[len(self._cached) :]
        found = self._cached_result + self.normalise(rest)
        cut = 1 + max(rest.rfind(b" "), rest.rfind(b"\n"))
        if cut > MIN_CACHED:
            self._cached_result += self.normalise(rest[:cut])
            self._cached = data[: len(self._cached) + cut]
        return found

    def variants(self, word: bytes) -> list[bytes]:
        """Return the forms of `word` that the vocabulary may have: first the typed one."""
        text = word.decode("utf-8", "surrogateescape")
        found = dict.fromkeys([text])
        for cased in (text, text.lower(), text[:1].upper() + text[1:].lower(), text.upper()):
            found[cased] = None
            for typed, other in (_APOSTROPHES, _APOSTROPHES[::-1]):
                if typed in cased:
                    found[cased.replace(typed, other)] = None
        for form in ("NFC", "NFD"):
            if not text.isascii():
                found |= dict.fromkeys(unicodedata.normalize(form, variant) for variant in list(found))
        if self._characters is not None:
            known = [variant for variant in found if self._characters.issuperset(variant)]
            found = dict.fromkeys([text, *known])
        return [variant.encode("utf-8", "surrogateescape") for variant in found]

    def normalise(self, data: bytes) -> bytes:
        """Return `data` normalised."""
        if data.isascii() and not data.translate(None, self._ascii) and not self._token_index.whole_words:
            return data
        if not self._token_index.whole_words:
            return self._normalise_characters(data)
        return _RUN.sub(lambda run: self._word(run[0]), self._normalise_spaces(data))

    def _normalise_spaces(self, data: bytes) -> bytes:
        """Return `data` with ASCII spaces."""
        if data.isascii():
            return data
        text = data.decode("utf-8", "surrogateescape")
        return "".join(" " if _ALTERNATIVES.get(c) == (" ",) else c for c in text).encode("utf-8", "surrogateescape")

    def _normalise_characters(self, data: bytes) -> bytes:
        text = data.decode("utf-8", "surrogateescape")
        if self._characters is None or not self._characters.issuperset(text):
            text = unicodedata.normalize("NFC", text)
        return (text.translate(self._table) if self._table is not None else text).encode("utf-8", "surrogateescape")

    def _normalise_word(self, word: bytes) -> bytes:
        """Return a text without spaces in a form that is a token; unchanged where there is none."""
        index = self._token_index
        if index.token(word) is not None:
            return word
        for variant in self.variants(word):
            if index.token(variant) is not None:
                return variant
            if index.token(mapped := self._normalise_characters(variant)) is not None:
                return mapped
        return word


class _Table(dict[int, str | int]):
    """The replacement of each character by code point; the character itself if it is known or has no replacement."""

    def __init__(self, known: frozenset[str]) -> None:
        super().__init__()
        self._known_characters = known

    def __missing__(self, code: int) -> str | int:
        char = chr(code)
        found: str | int = code
        if char not in self._known_characters:
            others = (*_ALTERNATIVES.get(char, ()), unicodedata.normalize("NFD", char), char.lower(), char.upper())
            found = next((other for other in others if self._known_characters.issuperset(other)), code)
        self[code] = found
        return found


def _characters(tokenizer: Tokenizer, token_index: TokenIndex) -> frozenset[str] | None:
    """Return the characters of a vocabulary; None for one of bytes, which spell every character."""
    if tokenizer.kind == "bytes":
        return None
    pieces = (piece for token, piece in enumerate(token_index.pieces) if token != tokenizer.unk)
    known = frozenset(b" ".join(pieces).decode("utf-8", "ignore"))
    return known | frozenset(map(chr, range(128))) if tokenizer.kind == "bpe" else known


# --- the typed forms --------------------------------------------------------------------------------------------------


class TypedForms:
    """The forms in which a text is typed, inferred from its end."""

    def __init__(self, data: bytes) -> None:
        tail = data[-STYLE_BYTES:].decode("utf-8", "ignore")
        at = max(tail.rfind(form) for form in _APOSTROPHES)
        self._apostrophe = tail[at] if at >= 0 else ""
        self._decomposed = not tail.isascii() and not unicodedata.is_normalized("NFC", tail)
        self.plain = not self._apostrophe and not self._decomposed
        """Whether the text is compatible with any form."""

    def restore(self, added: bytes, known: bytes = b"", typed: bytes = b"") -> bytes:
        """Return what is `added` to the word `known` of the vocabulary, in the forms of the word `typed`."""
        if self.plain and known == typed:
            return added
        try:
            text, known_word, typed_word = added.decode(), known.decode(), typed.decode()
        except UnicodeDecodeError:
            return added
        if _is_upper(typed_word) and not _is_upper(known_word):
            text = text.upper()
        elif _is_upper(known_word) and not _is_upper(typed_word):
            text = text.lower()
        if self._apostrophe:
            for form in _APOSTROPHES:
                text = text.replace(form, self._apostrophe)
        if self._decomposed:
            text = unicodedata.normalize("NFD", text)
        return text.encode()


def _is_upper(word: str) -> bool:
    """Return whether a word is in upper case and has at least two upper-case letters."""
    return word.isupper() and sum(char.isupper() for char in word) > 1
