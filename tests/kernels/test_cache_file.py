from __future__ import annotations

import os
import stat

import pytest
from lstm_kernels import cache_file


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "file"
    for payload in (b"", b"something", b"something else"):
        cache_file.write(path, payload)
        assert cache_file.read(path) == payload
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_whole_is_as_if_it_were_not_there(tmp_path):
    path = tmp_path / "file"
    assert cache_file.read(path) is None
    cache_file.write(path, b"something")
    whole = path.read_bytes()
    for damaged in (b"", whole[:20], whole[:-1], whole + b"x", whole[:-1] + b"x"):
        path.write_bytes(damaged)
        assert cache_file.read(path) is None


@pytest.mark.parametrize("failing", ["NamedTemporaryFile", "replace"])
def test_a_disk_that_fails_leaves_what_was_there(tmp_path, monkeypatch, failing):
    path = tmp_path / "file"
    cache_file.write(path, b"before")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    if failing == "replace":
        monkeypatch.setattr(cache_file.Path, "replace", full)
    else:
        monkeypatch.setattr(cache_file.tempfile, "NamedTemporaryFile", full)
    cache_file.write(path, b"after")
    assert cache_file.read(path) == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_may_write_is_not_read(tmp_path, mode):
    path = tmp_path / "file"
    cache_file.write(path, b"something")
    path.chmod(mode)
    assert cache_file.read(path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_another_user_wrote_is_not_read(tmp_path):
    path = tmp_path / "file"
    cache_file.write(path, b"something")
    os.chown(path, 1234, 1234)
    assert cache_file.read(path) is None


def test_what_is_no_regular_file_is_not_read(tmp_path):
    cache_file.write(tmp_path / "file", b"something")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo", "."):
        assert cache_file.read(tmp_path / name) is None


def test_a_folder_is_private_where_nobody_else_may_write(tmp_path):
    folder = tmp_path / "folder"
    mask = os.umask(0o002)  # as many systems set it
    try:
        cache_file.make_private(folder)
    finally:
        os.umask(mask)
    assert cache_file.is_private(folder)
    for mode in (0o770, 0o707):
        folder.chmod(mode)
        assert not cache_file.is_private(folder)
    cache_file.make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o705
    assert cache_file.is_private(folder)
