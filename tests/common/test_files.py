from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui.common.files import (
    MAX_BYTES,
    MAX_DEPTH,
    NUMBER,
    NUMBER_OR_NONE,
    FormatError,
    append_json_line,
    bounded_lines,
    check_types,
    create_exclusively,
    exists,
    list_names,
    parse_json,
    parse_toml,
    read_json,
    read_json_lines,
    remove_stale_temporaries,
    to_json,
    write_atomically,
)
from lstmtui.errors import CorruptError

DEEP = "[" * 100_000


def test_a_file_is_replaced_atomically(tmp_path):
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


def test_lines_are_read_from_the_last_offset_on(tmp_path):
    path = tmp_path / "events.jsonl"
    assert read_json_lines(path) == ([], 0)
    append_json_line(path, {"a": 1})
    records, offset = read_json_lines(path)
    assert records == [{"a": 1}]
    append_json_line(path, {"b": float("nan"), "c": [float("inf"), "\ud800"]})
    records, offset = read_json_lines(path, offset)
    assert offset == path.stat().st_size
    assert records[0] == {"b": None, "c": [None, "\ud800"]}
    path.read_bytes().decode()  # which half a surrogate pair does not spoil
    assert read_json_lines(path, offset) == ([], offset)


def test_an_incomplete_last_line_is_read_later_and_does_not_damage_the_next(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n{"torn": ')
    records, offset = read_json_lines(path)
    assert (records, offset) == ([{"a": 1}], 9)
    append_json_line(path, {"b": 2})
    assert read_json_lines(path, offset)[0] == [{"b": 2}]


def test_damaged_lines_are_skipped(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n\xff\xfe\n[1]\n\n"text"\n{"b": 2}\n')
    assert read_json_lines(path)[0] == [{"a": 1}, {"b": 2}]


def test_a_line_separator_inside_a_record_is_no_line_end(tmp_path):
    path = tmp_path / "samples.jsonl"
    record = {"text": "a\u2028b\x85c\x0bd\x1ce\r\nf"}
    append_json_line(path, record)
    assert read_json_lines(path)[0] == [record]


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "events.jsonl"
    for k in range(100):
        append_json_line(path, {"k": k})
    records, offset = read_json_lines(path, 0, limit=50)
    assert [r["k"] for r in records] == list(range(len(records)))
    assert 0 < offset <= 50


def test_a_line_longer_than_the_limit_does_not_stop_the_reader(tmp_path):
    path = tmp_path / "events.jsonl"
    append_json_line(path, {"long": "x" * 1000})
    append_json_line(path, {"k": 1})
    offset, found = 0, []
    for _ in range(50):
        records, offset = read_json_lines(path, offset, limit=100)
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


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"3", DEEP.encode(), b"9" * 5000])
def test_a_file_without_a_json_object_is_corrupt(tmp_path, data):
    path = tmp_path / "status.json"
    path.write_bytes(data)
    with pytest.raises(CorruptError, match=r"status\.json is damaged"):
        read_json(path)


def test_only_a_missing_file_reads_as_none(tmp_path):
    assert read_json(tmp_path / "none.json") is None
    (tmp_path / "file").write_bytes(b"{}")
    assert read_json(tmp_path / "file" / "none.json") is None
    assert not exists(tmp_path / "file" / "none.json")
    assert list_names(tmp_path / "none") == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES, errno.ENOMEM, errno.EINTR, errno.ELOOP])
def test_an_unreadable_file_is_not_treated_as_missing(tmp_path, monkeypatch, number):
    path = tmp_path / "best.json"
    path.write_bytes(b"{}")

    def refuse(*args, **rest):
        raise OSError(number, os.strerror(number))

    for name in ("open", "stat", "listdir"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.raises(CorruptError, match="cannot be read"):
        read_json(path)
    for look in (exists, list_names, read_json_lines):
        with pytest.raises(OSError, match=re.escape(os.strerror(number))):
            look(path)


def test_a_pipe_a_folder_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(CorruptError, match="cannot be read"):
            read_json(path)
    with pytest.raises(OSError, match="a FIFO"):
        read_json_lines(tmp_path / "pipe")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "status.json"
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(CorruptError, match="more than"):
        read_json(path)


DEEP_VALUES = [DEEP, '{"a":' * 100_000, "[" * 100 + "]" * 100, '{"a":' * 100 + "0" + "}" * 100]


@pytest.mark.parametrize("text", DEEP_VALUES)
def test_deep_json_is_refused_and_skipped_among_lines(tmp_path, text):
    with pytest.raises(FormatError):
        parse_json(text)
    path = tmp_path / "requests.jsonl"
    path.write_text(f'{text}\n{{"op": {text}}}\n{{"op": "save"}}\n')
    assert read_json_lines(path)[0] == [{"op": "save"}]


def test_json_of_the_depth_that_is_written_is_read(tmp_path):
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


@pytest.mark.parametrize("text", ["a=" + DEEP, "a." * 20_000 + "b=1", f"[{'a.' * 20_000}b]", "a=" + "{b=" * 5000])
def test_deep_toml_is_refused(text):
    with pytest.raises(FormatError):
        parse_toml(text.encode())


@pytest.mark.parametrize("text", [b"a=1979-99-99", b"\xff", b"a", b"a=" + b"9" * 5000])
def test_every_error_of_toml_is_a_format_error(text):
    with pytest.raises(FormatError):
        parse_toml(text)


def test_types_are_checked_exactly():
    check_types({"n": 3, "x": 0.5, "none": None}, {"n": (int,), "x": NUMBER, "none": NUMBER_OR_NONE})
    for wrong in ({}, {"n": True}, {"n": "3"}, {"n": 3.0}, {"n": None}, {"n": [3]}):
        with pytest.raises(FormatError, match="'n'"):
            check_types(wrong, {"n": (int,)})


def test_a_partially_written_line_is_completed(tmp_path, monkeypatch):
    path = tmp_path / "metrics.jsonl"
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    for k in range(3):
        append_json_line(path, {"step": k, "text": "x" * 100})
    assert [record["step"] for record in read_json_lines(path)[0]] == [0, 1, 2]


def test_temporary_files_of_dead_processes_are_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    alive = os.getppid()
    for name in (f".a.json.{dead.pid}.tmp", f".b.npz.{dead.pid}-7.tmp", f".c.{os.getpid()}-0.tmp"):
        (tmp_path / name).write_bytes(b"half")
    stay = {f".d.{alive}-0.tmp", ".hidden", "e.tmp", "status.json"}
    for name in stay:
        (tmp_path / name).write_bytes(b"")
    remove_stale_temporaries(tmp_path, tmp_path / "none")
    assert {path.name for path in tmp_path.iterdir()} == stay


@given(st.text(st.characters()), st.text(st.sampled_from('a\\"\ud83d\udce9\u2028é😀')))
def test_every_text_survives_json(one, two):
    line = to_json({one: two}).encode()
    assert b"\n" not in line
    # Two halves side by side are the whole character, as anywhere in JSON.
    joined = [text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for text in (one, two)]
    assert json.loads(line) == dict([joined])


def test_a_stream_is_read_in_lines_of_bounded_length():
    data = b"one\n" + b"x" * 1000 + b"\n\nlast"
    assert list(bounded_lines(io.BytesIO(data), 10)) == [b"one\n", b"x" * 11, b"\n", b"last"]
    assert list(bounded_lines(io.BytesIO(b"x" * 1000), 10)) == [b"x" * 11]
    assert list(bounded_lines(io.BytesIO(b"0123456789\n"), 10)) == [b"0123456789\n"]


def test_a_file_is_created_once_and_left_as_it_is(tmp_path):
    path = tmp_path / "claim"
    assert create_exclusively(path, b"first")
    assert not create_exclusively(path, b"second")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["claim"]
    with pytest.raises(OSError, match="No such file"):
        create_exclusively(tmp_path / "missing" / "claim", b"")
