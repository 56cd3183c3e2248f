from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui.text import PLACEHOLDER, one_line, safe


@given(st.text())
def test_nothing_is_left_that_a_terminal_would_obey(text):
    for shown in (safe(text), one_line(text)):
        for character in shown.replace("\n", ""):
            assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    assert "\n" not in one_line(text)
    assert len(safe(text)) == len(text)
    assert safe(safe(text)) == safe(text)


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_plain_text_stays_as_it_is(text):
    assert safe(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", f"{PLACEHOLDER}31m"),
        ("a\tb\nc\r\n", "a b\nc␍\n"),
        ("\x00\x7f", "␀␡"),
        ("right\u202eleft", f"right{PLACEHOLDER}left"),
        ("\ud800", PLACEHOLDER),
        ("\u2028\u2029", PLACEHOLDER * 2),
        ("Größe 日本語 🙂", "Größe 日本語 🙂"),
    ],
)
def test_examples(text, shown):
    assert safe(text) == shown


def test_one_line_is_cut_with_an_ellipsis():
    assert one_line("a\nb") == "a␤b"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"
    assert len(one_line("abcdef", 1)) == 1
