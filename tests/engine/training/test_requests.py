"""What viewers write, and what others put in its place: heard, answered or passed over, and never an end."""

from __future__ import annotations

import json
import os
import time

import pytest
from support import tiny

from lstmtui.common.files import append_json_line
from lstmtui.engine.training import requests
from lstmtui.engine.training.requests import RequestReader
from lstmtui.runs.writer import RunWriter


@pytest.fixture
def writer(run):
    writer = RunWriter(run, interval=60)
    yield writer
    writer.close()


@pytest.fixture(autouse=True)
def _at_each_look(monkeypatch):
    monkeypatch.setattr(requests, "POLL_SECONDS", 0.0)


def ask(run, identity, op="save", **details):
    append_json_line(run.requests, {"id": identity, "at": time.time(), "op": op, **details})


def heard(box):
    return [request.identity for request in box.new()]


def test_requests_to_an_earlier_engine_are_ignored(run, writer):
    ask(run, "old")
    box = RequestReader(writer)
    ask(run, "new")
    assert heard(box) == ["new"]
    assert heard(box) == []


@pytest.mark.parametrize("kind", ["folder", "FIFO", "link", "socket"])
def test_a_replaced_file_loses_no_later_requests(run, writer, kind, tmp_path):
    box = RequestReader(writer)
    ask(run, "one")
    assert heard(box) == ["one"]
    run.requests.unlink()
    if kind == "folder":
        run.requests.mkdir()
    elif kind == "FIFO":
        os.mkfifo(run.requests)
    elif kind == "link":
        append_json_line(tmp_path / "elsewhere", {"id": "evil", "op": "stop", "at": time.time() + 9})
        run.requests.symlink_to(tmp_path / "elsewhere")
    else:
        os.mknod(run.requests, 0o600 | 0o140000)
    assert heard(box) == []
    run.requests.rmdir() if kind == "folder" else run.requests.unlink()
    ask(run, "two")
    assert heard(box) == ["two"]


def test_a_truncated_or_replaced_file_repeats_no_request(run, writer):
    ask(run, "before", op="stop")
    time.sleep(0.01)
    box = RequestReader(writer)
    ask(run, "one")
    assert heard(box) == ["one"]
    os.truncate(run.requests, 0)
    assert heard(box) == []
    ask(run, "two")
    assert heard(box) == ["two"]
    for name in ("three", "four"):  # as an editor saves: all that was there, in a new file
        whole = run.requests.read_bytes()
        run.requests.with_name("new").write_bytes(whole)
        os.replace(run.requests.with_name("new"), run.requests)
        ask(run, name)
        assert heard(box) == [name]


def test_a_restored_old_file_repeats_no_request(run, writer):
    ask(run, "before", op="stop")
    old = run.requests.read_bytes()
    time.sleep(0.01)
    box = RequestReader(writer)
    run.requests.unlink()
    assert heard(box) == []
    run.requests.write_bytes(old)
    assert heard(box) == []


def test_a_truncated_and_rewritten_file_is_read_from_its_beginning(run, writer):
    box = RequestReader(writer)
    ask(run, "one")
    assert heard(box) == ["one"]
    os.truncate(run.requests, 0)
    ask(run, "two", prompt="x" * 500)
    assert heard(box) == ["two"]


@pytest.mark.parametrize(
    "line",
    [
        b"", b"[]", b"3", b"null", b"\xff\xfe", b"{", b'{"op": []}', b'{"id": {}, "op": {"a": 1}}', b"[" * 100_000,
        b'{"id": 1e999, "op": "save", "at": "x"}', b'{"id": "' + b"x" * 5000 + b'", "op": "no"}',
        b'{"op": "set", "key": ["lr"], "value": 1}', b'{"op": "set", "key": "lr"}',
        b'{"id": "\\ud800", "op": "\\ud800"}',
    ],
)  # fmt: skip
def test_an_invalid_request_is_answered_or_ignored(run, writer, line):
    box = RequestReader(writer)
    run.requests.write_bytes(line + b"\n")
    ask(run, "good")
    assert heard(box) in (["good"], ["", "good"])
    for message in tiny.lines(run.events):
        assert not message["ok"]
        assert len(json.dumps(message)) < 1000


def test_an_endless_line_does_not_block_later_requests(run, writer, monkeypatch):
    monkeypatch.setattr(requests, "MAX_READ", 1000)
    box = RequestReader(writer)
    run.requests.write_bytes(b"x" * 3500 + b"\n")
    ask(run, "good")
    assert [name for _ in range(6) for name in heard(box)] == ["good"]


def test_a_burst_of_requests_is_read_at_once(run, writer):
    box = RequestReader(writer)
    for k in range(1000):
        ask(run, str(k))
    assert heard(box) == [str(k) for k in range(1000)]


def test_the_poll_after_a_request_is_immediate(run, writer, monkeypatch):
    monkeypatch.setattr(requests, "POLL_SECONDS", 60.0)
    box = RequestReader(writer)
    for name in ("one", "two"):
        ask(run, name)
        assert heard(box) == [name]
    assert heard(box) == []
    ask(run, "three")
    assert heard(box) == []  # nothing was there, so a minute passes
