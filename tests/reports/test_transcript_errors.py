"""Transcripts beside what was said."""

from __future__ import annotations

import pytest

from lstmtui.reports.transcript_errors import Pair, aligned, blocks, picture


def lines(said: str, heard: str, width: int = 60) -> list[str]:
    return [line for line, _ in picture(said, heard, width)]


def test_every_error_is_marked() -> None:
    assert lines("two nine zero four", "too nine four one") == [
        "✗ said   two nine zero four",
        "  heard  too nine ---- four one",
        "         ~~~                +++",
    ]


def test_a_transcript_without_errors_is_said_once() -> None:
    assert picture("two nine", "two nine", 60) == [("✓ heard  two nine", "right")]
    assert lines("", "") == ["✓ heard  (nothing)"]


def test_nothing_heard() -> None:
    assert lines("two nine", "") == ["✗ said   two nine", "  heard  --- ----"]


def test_a_long_text_continues_below_in_the_same_columns() -> None:
    assert lines("one two three", "one too three", 17) == [
        "✗ said   one two",
        "  heard  one too",
        "             ~~~",
        "  said   three",
        "  heard  three",
    ]


@pytest.mark.parametrize(
    ("said", "heard", "errors"), [("a b c", "a c", 1), ("a", "a b b", 2), ("a b", "b a", 2), ("", "a", 1)]
)
def test_the_alignment_has_as_few_errors_as_possible(said: str, heard: str, errors: int) -> None:
    pairs = aligned(said.split(), heard.split())
    assert sum(bool(pair.mark) for pair in pairs) == errors
    assert [pair.said for pair in pairs if pair.said] == said.split()
    assert [pair.heard for pair in pairs if pair.heard] == heard.split()


def test_the_blocks_of_a_sample() -> None:
    text = "reference   no yes\ntranscript  no\n\nreference   yes\ntranscript  "
    assert blocks(text) == [("no yes", "no"), ("yes", "")]
    assert blocks("reference is a word\nof this text") == []
    assert Pair("a", "a").mark == ""
