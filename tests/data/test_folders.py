"""The text files of a folder, and those that are skipped."""

from __future__ import annotations

import os
import socket

import pytest
from support.corpora import refusal, write_file

from lstmtui.data import folders
from lstmtui.data.reading import resolve_names
from lstmtui.errors import UsageError

TEXT = ("Plain text that anyone can read.\n" * 40).encode()


def test_an_unreadable_folder_is_refused(tmp_path, monkeypatch):
    write_file(tmp_path, TEXT)

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(folders.os, "scandir", denied)
    with pytest.raises(UsageError, match="cannot be read"):
        resolve_names([str(tmp_path)])


def test_a_folder_gives_its_text_files_in_order(tmp_path):
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name, data in {
        "b.txt": b"bee\n",
        "a.txt": b"ay",
        "sub/c.md": b"sea\n",
        ".secret": b"no\n",
        ".hidden/d.txt": b"no\n",
        "picture.png": b"\x89PNG\0\0",
        "empty.txt": b"",
        "noise": bytes(range(1, 32)) * 4,
    }.items():
        (folder / name).write_bytes(data)
    os.mkfifo(folder / "pipe")
    source = resolve_names([str(folder)])
    assert b"".join(source.chunks()) == b"ay\nbee\nsea\n"


def test_a_folder_without_text_is_refused(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    assert "holds no text files" in refusal(tmp_path, folder)
    (folder / "x.bin").write_bytes(b"\0\1\2")
    (folder / "gone").symlink_to(folder / "nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(folder)
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        assert "holds no text files" in refusal(tmp_path, folder)


def test_a_loop_of_folders_is_read_once(tmp_path):
    folder = tmp_path / "loop"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"once\n")
    (folder / "inner" / "up").symlink_to(folder)
    assert b"".join(resolve_names([str(folder)]).chunks()) == b"once\n"


def test_a_link_out_of_a_folder_is_not_followed_and_one_within_is_read_once(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for where in (folder / "sub", outside):
        where.mkdir(parents=True)
    (outside / "secret.txt").write_bytes(b"secret\n")
    (folder / "sub" / "b.txt").write_bytes(b"bee\n")
    (folder / "a.txt").symlink_to(folder / "sub" / "b.txt")
    (folder / "key.txt").symlink_to(outside / "secret.txt")
    (folder / "away").symlink_to(outside)
    source = resolve_names([str(folder)])
    assert b"".join(source.chunks()) == b"bee\n"
    assert {one.name: one.reason for one in source.skipped} == {
        "key.txt": "is a link that leads outside the folder",
        "away": "is a link that leads outside the folder",
    }


def test_a_walk_names_files_without_opening_them_and_enters_what_it_may(tmp_path):
    for name in ("a.txt", "in/b.png", "out/c.txt", ".hidden/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch(mode=0)
    skipped = []
    found = folders.walk(tmp_path, lambda path, reason: skipped.append(reason), lambda inner: inner.name != "out")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.txt", "in/b.png"]
    assert skipped == []
