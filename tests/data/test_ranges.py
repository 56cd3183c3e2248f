"""Byte ranges of a source."""

from __future__ import annotations

import pytest

from lstmtui.data.parts import part_in_memory
from lstmtui.data.ranges import Range
from lstmtui.data.sources import Source

LETTERS = bytes(range(97, 123))


def source(*texts: bytes) -> Source:
    return Source("texts", tuple(part_in_memory(f"text{i}", text) for i, text in enumerate(texts)))


def test_a_range_yields_its_spans_in_order():
    part = Range(source(LETTERS), ((2, 5), (20, 26)))
    assert b"".join(part.chunks()) == b"cdeuvwxyz"
    assert part.length == 9


def test_the_whole_source_is_one_span():
    part = Range.whole(source(b"one\n", b"two"))
    assert part.spans == ((0, 7),)
    assert b"".join(part.chunks()) == b"one\ntwo"


def test_a_sample_is_spread_over_the_spans():
    text = bytes(range(33, 127))
    part = Range(source(text), ((0, 26), (52, 78)))
    assert list(part.sample(6, 2)) == [text[:3], text[52:55]]


def test_a_sample_of_a_short_text_is_all_of_it():
    assert b"".join(Range.of(source(LETTERS), 3, 9).sample(100, 4)) == LETTERS[3:9]


@pytest.mark.parametrize("size", [3, 5])
def test_a_sample_holds_whole_characters(size):
    text = "größer als 東京 ".encode() * 50
    assert all(piece.decode() for piece in Range.whole(source(text)).sample(size * 10, 10))


def test_ranges_of_one_source_have_different_identities():
    letters = source(LETTERS)
    ranges = [Range.of(letters, 0, 5), Range.of(letters, 0, 6), Range(letters, ((0, 1), (2, 5)))]
    assert len({part.identity() for part in ranges}) == 3
