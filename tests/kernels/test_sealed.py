from __future__ import annotations

import pytest
from lstm_kernels import sealed


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "file"
    for payload in (b"", b"something", b"something else"):
        sealed.write(path, payload)
        assert sealed.read(path) == payload
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_whole_is_as_if_it_were_not_there(tmp_path):
    path = tmp_path / "file"
    assert sealed.read(path) is None
    sealed.write(path, b"something")
    whole = path.read_bytes()
    for damaged in (b"", whole[:20], whole[:-1], whole + b"x", whole[:-1] + b"x"):
        path.write_bytes(damaged)
        assert sealed.read(path) is None


@pytest.mark.parametrize("failing", ["NamedTemporaryFile", "replace"])
def test_a_disk_that_fails_leaves_what_was_there(tmp_path, monkeypatch, failing):
    path = tmp_path / "file"
    sealed.write(path, b"before")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    if failing == "replace":
        monkeypatch.setattr(sealed.Path, "replace", full)
    else:
        monkeypatch.setattr(sealed.tempfile, "NamedTemporaryFile", full)
    sealed.write(path, b"after")
    assert sealed.read(path) == b"before"
    assert list(tmp_path.iterdir()) == [path]
