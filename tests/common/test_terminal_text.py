from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui.common.terminal_text import PLACEHOLDER, one_line, safe

HARMLESS = {
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "a family": "👨\u200d👩\u200d👧\u200d👦",
    "a flag": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a heart": "❤\ufe0f",
    "soft hyphens": "Donau\u00addampf\u00adschiff",
    "marks of direction": "\u200fשלום\u200e, \u061cسلام",
    "spaces": "10\u00a0000\u202f€\u200bx\ufeff",
}
TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@given(st.text(st.one_of(st.characters(), st.sampled_from("\u202a\u202e\u2066\u2069\x1b\x9b\x85\u2028"))))
def test_control_sequences_are_replaced(text):
    for shown in (safe(text), one_line(text), safe(text, tabs=True).replace("\t", "")):
        for character in shown.replace("\n", ""):
            assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
            assert unicodedata.bidirectional(character) not in TURNING
    assert "\n" not in one_line(text)
    assert len(safe(text)) == len(text)
    assert safe(safe(text)) == safe(text)


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_plain_text_is_unchanged(text):
    assert safe(text) == text


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_invisible_characters_of_a_script_are_unchanged(text):
    assert safe(text) == one_line(text) == text


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
def test_controls_are_shown_as_pictures(text, shown):
    assert safe(text) == shown


def test_one_line_is_cut_with_an_ellipsis():
    assert one_line("a\nb") == "a␤b"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"
    assert len(one_line("abcdef", 1)) == 1
