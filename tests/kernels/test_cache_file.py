from __future__ import annotations

import os
import stat

import pytest
from lstm_kernels import cache_file


def test_a_written_payload_is_read(tmp_path):
    path = tmp_path / "file"
    for payload in (b"", b"something", b"something else"):
        cache_file.write(path, payload)
        assert cache_file.read(path) == payload
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_reads_as_missing(tmp_path):
    path = tmp_path / "file"
    assert cache_file.read(path) is None
    cache_file.write(path, b"something")
    whole = path.read_bytes()
    for damaged in (b"", whole[:20], whole[:-1], whole + b"x", whole[:-1] + b"x"):
        path.write_bytes(damaged)
        assert cache_file.read(path) is None


@pytest.mark.parametrize("failing", ["NamedTemporaryFile", "replace"])
def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch, failing):
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
def test_a_file_that_others_may_write_reads_as_missing(tmp_path, mode):
    path = tmp_path / "file"
    cache_file.write(path, b"something")
    path.chmod(mode)
    assert cache_file.read(path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_reads_as_missing(tmp_path):
    path = tmp_path / "file"
    cache_file.write(path, b"something")
    os.chown(path, 1234, 1234)
    assert cache_file.read(path) is None


def test_a_file_that_is_not_regular_reads_as_missing(tmp_path):
    cache_file.write(tmp_path / "file", b"something")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo", "."):
        assert cache_file.read(tmp_path / name) is None


def test_a_folder_that_nobody_else_may_write_is_private(tmp_path):
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
