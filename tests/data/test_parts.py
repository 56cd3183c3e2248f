"""Files that cannot be read: one sentence each."""

from __future__ import annotations

import os

import pytest
from support.corpora import refusal, write_file

from lstmtui.data import parts
from lstmtui.data.reading import resolve_names
from lstmtui.errors import UsageError

TEXT = ("Plain text that anyone can read.\n" * 40).encode()


def test_a_missing_file_is_refused(tmp_path):
    assert "no file, folder or set called" in refusal(tmp_path, tmp_path / "nowhere.txt")
    assert "no file, folder or set called" in refusal(tmp_path, "nul\0byte")
    assert "corpora list" in refusal(tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    assert "is empty" in refusal(tmp_path, write_file(tmp_path, b""))


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch):
    path = write_file(tmp_path, TEXT)

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    # Simulated, since root may read everything.
    monkeypatch.setattr(parts, "open", denied, raising=False)
    assert "cannot be read (Permission denied)" in refusal(tmp_path, path)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe" in refusal(tmp_path, tmp_path / "pipe")
    assert "a device" in refusal(tmp_path, "/dev/zero")


def test_a_file_that_becomes_shorter_while_it_is_read_is_refused(tmp_path):
    path = write_file(tmp_path, TEXT)
    source = resolve_names([str(path)])
    path.write_bytes(b"short")
    with pytest.raises(UsageError, match="became shorter"):
        list(source.chunks())
