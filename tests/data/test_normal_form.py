"""Text in its normal form is the same however it comes in chunks."""

from __future__ import annotations

import itertools
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui.data.normal_form import is_composition_boundary, normalise

texts = st.text(
    st.sampled_from("aeo \r\n中ᄀ가ᅡᆨ\u0300\u0301\u0323\u093c\u3099かé\u1e0b\u0307") | st.characters(codec="utf-8"),
    max_size=40,
)


def expected(text: str) -> bytes:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).encode()


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("cafe\u0301", "café"),
        ("a\r\nb\rc\n\r\n", "a\nb\nc\n\n"),
        ("ᄒ\u1161\u11ab", "한"),
        ("か\u3099", "が"),
        ("", ""),
    ],
)
def test_equal_spellings_have_one_normal_form(text, normal):
    assert b"".join(normalise([text.encode()])).decode() == normal


@given(texts, st.lists(st.integers(0, 120), max_size=8))
def test_the_chunk_size_changes_nothing(text, cuts):
    data = text.encode()
    at = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert b"".join(normalise([data[a:b] for a, b in itertools.pairwise(at)])) == expected(text)


def test_ascii_is_unchanged():
    chunks = [b"plain text\n", b"more of it"]
    assert b"".join(normalise(chunks)) == b"".join(chunks)


@given(st.binary(max_size=40))
def test_invalid_utf_8_is_unchanged(data):
    assert b"".join(normalise([data[:7], data[7:]])).count(0xFF) == data.count(0xFF)


def test_only_composing_characters_are_held_back():
    melts = set()
    for code in range(0x80, sys.maxunicode + 1):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            melts.add(chr(int(parts[1], 16)))
    melts |= {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    assert not [char for char in melts if is_composition_boundary(char)]
