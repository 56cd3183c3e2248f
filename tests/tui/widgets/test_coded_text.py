"""How a text is broken into lines, token by token, and how values become glyphs."""

from __future__ import annotations

import pytest

from lstmtui.tui.widgets import shades
from lstmtui.tui.widgets.braille import horizontal_bar
from lstmtui.tui.widgets.coded_text import break_lines, printable
from lstmtui.tui.widgets.half_lives import BIN_NAMES, bins
from lstmtui.tui.widgets.token_map import narrow


def broken(text: str, width: int) -> list[str]:
    pieces = [printable(c) for c in text]
    return ["".join(pieces[a:b]) for a, b in break_lines(pieces, width)]


def test_lines_break_at_spaces_and_after_line_ends():
    assert broken("the cat sat on\nthe mat", 9) == ["the cat ", "sat on⏎", "the mat"]
    assert broken("incomprehensible", 6) == ["incomp", "rehens", "ible"]
    assert broken("", 5) == []
    assert broken("\n\na", 5) == ["⏎", "⏎", "a"]


def test_wide_characters_take_two_cells():
    assert broken("日本語日本", 4) == ["日本", "語日", "本"]


@pytest.mark.parametrize("width", [1, 2, 7, 80])
def test_no_token_is_lost_or_shown_twice(width):
    pieces = [printable(c) for c in "a bb ccc\ndddd 日本 e\u0301" * 3]
    covered = [token for first, last in break_lines(pieces, width) for token in range(first, last)]
    assert covered == list(range(len(pieces)))


def test_hostile_tokens_are_shown_safely():
    assert printable("\x1b") == "␛"
    assert printable("") == "·"
    assert printable("\r\n") == "⏎"
    assert printable("\u202e") == "\ufffd"
    assert narrow("日") == "?"
    assert narrow(" the") == "t"


def test_glyphs_tell_sign_and_size():
    assert [shades.glyph(v) for v in (-1, -0.6, -0.3, -0.1, 0, 0.1, 0.3, 0.6, 1)] == list("⠿⠶⠒⠂·░▒▓█")
    assert shades.name(-0.6) == "low3"
    assert shades.name(0.01) == "none"


def test_half_lives_fall_into_bins():
    shares = bins([0.3, 1.0, 1.9, 100.0, 1e9])
    assert dict(zip(BIN_NAMES, shares, strict=True)) == {
        "<1": 0.2, "1": 0.4, "2": 0, "4": 0, "8": 0, "16": 0, "32": 0, "64": 0.2, "128+": 0.2,
    }  # fmt: skip
    assert horizontal_bar(0.5, 10) == "█████"
    assert horizontal_bar(0.001, 10) == "▏"
    assert horizontal_bar(0, 10) == ""
