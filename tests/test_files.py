from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui.files import append_line, read_json, read_lines, to_json, write_atomically


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "status.json"
    for data in (b"one", b"two"):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]


def test_lines_come_back_and_reading_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "events.jsonl"
    assert read_lines(path) == ([], 0)
    append_line(path, {"a": 1})
    records, offset = read_lines(path)
    assert records == [{"a": 1}]
    append_line(path, {"b": float("nan"), "c": [float("inf"), "\ud800"]})
    records, offset = read_lines(path, offset)
    assert offset == path.stat().st_size
    assert records[0]["b"] is None
    assert read_lines(path, offset) == ([], offset)


def test_a_torn_last_line_waits_and_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n{"torn": ')
    records, offset = read_lines(path)
    assert (records, offset) == ([{"a": 1}], 9)
    append_line(path, {"b": 2})
    assert read_lines(path, offset)[0] == [{"b": 2}]


def test_damaged_lines_are_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n\xff\xfe\n[1]\n\n"text"\n{"b": 2}\n')
    assert read_lines(path)[0] == [{"a": 1}, {"b": 2}]


def test_a_line_separator_inside_a_record_is_no_line_end(tmp_path):
    path = tmp_path / "samples.jsonl"
    record = {"text": "a\u2028b\x85c\x0bd\x1ce\r\nf"}
    append_line(path, record)
    assert read_lines(path)[0] == [record]


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "events.jsonl"
    for k in range(100):
        append_line(path, {"k": k})
    records, offset = read_lines(path, 0, limit=50)
    assert [r["k"] for r in records] == list(range(len(records)))
    assert 0 < offset <= 50


def test_a_line_longer_than_the_limit_does_not_stop_the_reader(tmp_path):
    path = tmp_path / "events.jsonl"
    append_line(path, {"long": "x" * 1000})
    append_line(path, {"k": 1})
    offset, found = 0, []
    for _ in range(50):
        records, offset = read_lines(path, offset, limit=100)
        found += records
    assert found == [{"k": 1}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_json_is_strict_and_one_line(value):
    line = to_json(value)
    assert "\n" not in line
    json.loads(line, parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"3", None])
def test_what_is_no_json_object_is_none(tmp_path, data):
    path = tmp_path / "status.json"
    if data is not None:
        path.write_bytes(data)
    assert read_json(path) is None
