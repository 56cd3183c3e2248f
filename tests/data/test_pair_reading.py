"""Pairs are read from a table and from two files, all at once and chunk by chunk."""

from __future__ import annotations

import pytest

from lstmtui.data import sources
from lstmtui.data.pair_reading import joined, open_stream, read_pairs
from lstmtui.data.pairs import Pairs
from lstmtui.errors import UsageError


def write(tmp_path, **files):
    """Write files by name, and return their paths."""
    paths = []
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        paths.append(str(path))
    return paths


def read(tmp_path, *, encoding="", **files):
    return read_pairs(write(tmp_path, **files), encoding=encoding, cache=tmp_path / "cache")


def test_two_files_are_read_line_by_line(tmp_path):
    pairs = read(tmp_path, en="one\n\ntwo\n", de="eins\nnull\nzwei")
    assert pairs == Pairs(("one", "", "two"), ("eins", "null", "zwei"))


def test_a_table_is_read_by_columns_and_a_missing_side_is_empty(tmp_path):
    pairs = read(tmp_path, pairs="Go.\tVa !\tCC-BY\nRun!\n\tSeul\n")
    assert pairs == Pairs(("Go.", "Run!", ""), ("Va !", "", "Seul"))


def test_text_is_in_normal_form_c_without_byte_order_marks_or_carriage_returns(tmp_path):
    pairs = read(tmp_path, en=b"\xef\xbb\xbfcafe\r\n", fr="cafe\u0301\r\n")
    assert pairs == Pairs(("cafe",), ("café",))


def test_another_encoding_is_read_where_it_is_named(tmp_path):
    assert read(tmp_path, encoding="latin-1", en=b"coffee\n", fr=b"caf\xe9\n").target == ("café",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"en": "a\nb\n", "de": "a\n"}, "have 2 and 1 lines"),
        ({"pairs": "a b\nc d\n"}, "no tab in any line"),
        ({"a": "1\n", "b": "2\n", "c": "3\n"}, "not 3; give one or two files"),
        ({"en": b"a\0b\n", "de": "a\n"}, "is no text"),
        ({"en": b"caf\xe9 noir et th\xe9\n", "de": "a\n"}, "no valid UTF-8"),
        ({"en": "a\n", "de": ""}, "is empty"),
    ],
    ids=["unlike lines", "no tab", "three files", "NUL", "encoding", "empty"],
)
def test_files_that_are_no_pairs_are_refused_in_one_sentence(tmp_path, files, message):
    with pytest.raises(UsageError, match=message) as raised:
        read(tmp_path, **files)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize("last", ["", "\n"])
def test_chunks_of_any_size_give_the_same_pairs(tmp_path, monkeypatch, size, last):
    sides = ["a", "", "größer und 東", "d" * 40, "", "f"], ["ein langer Satz " * 3, "b", "", "", "e\u0301", "g"]
    names = write(tmp_path, en="\n".join(sides[0]) + last, de="\n".join(sides[1]) + last)
    rows = "\n".join("\t".join(row) for row in zip(*sides, strict=True))
    table = write(tmp_path, table=rows + last)
    monkeypatch.setattr(sources.Source.chunks, "__defaults__", (size, 0, None))
    wanted = Pairs(tuple(sides[0]), (*sides[1][:4], "é", "g"))
    for given in (names, table):
        pieces = list(open_stream(given, cache=tmp_path / "cache").chunks())
        assert joined(pieces) == wanted
        assert len(pieces) > 1 or size == 64


def test_unlike_numbers_of_lines_are_counted_to_the_end(tmp_path, monkeypatch):
    names = write(tmp_path, en="a\n" * 5, de="b\n" * 300)
    monkeypatch.setattr(sources.Source.chunks, "__defaults__", (16, 0, None))
    chunks = open_stream(names, cache=tmp_path / "cache").chunks()
    with pytest.raises(UsageError, match="have 5 and 300 lines"):
        list(chunks)
