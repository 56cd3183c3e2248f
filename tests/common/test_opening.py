from __future__ import annotations

import os
import stat

import pytest

from lstmtui.common import opening

WRITING = os.O_WRONLY | os.O_APPEND | os.O_CREAT


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "target"
    path.write_text("mine")
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_regular_file_is_read_and_appended_to(target):
    with opening.open_to_append(target) as file:
        file.write(b" still")
    assert opening.read_bytes(target) == b"mine still"
    opening.truncate(target, 4)
    assert opening.read_bytes(target, 4) == b"mine"
    with pytest.raises(OSError, match="more than 3 bytes"):
        opening.read_bytes(target, 3)


@pytest.mark.parametrize("flags", [os.O_RDONLY, WRITING, os.O_WRONLY])
def test_a_link_is_not_followed(tmp_path, target, flags):
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(OSError, match="a link, where a file belongs") as raised:
        opening.open_regular(link, flags)
    assert raised.value.filename == str(link)
    assert target.read_text() == "mine"


def test_a_dangling_link_creates_no_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "new")
    with pytest.raises(OSError, match="a link"):
        opening.open_regular(tmp_path / "link", WRITING)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("flags", [os.O_RDONLY, WRITING])
def test_a_fifo_a_folder_and_a_device_are_refused_at_once(tmp_path, flags):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name, word in (("fifo", "a FIFO"), ("folder", "a folder")):
        with pytest.raises(OSError, match=word):
            opening.open_regular(tmp_path / name, flags)
    with pytest.raises(OSError, match="a device"):
        opening.open_regular(opening.Path(os.devnull), os.O_RDONLY)


def test_a_hard_linked_file_is_not_written(tmp_path, target):
    os.link(target, tmp_path / "other")
    assert opening.read_bytes(tmp_path / "other") == b"mine"
    with pytest.raises(OSError, match="another name"):
        opening.open_regular(tmp_path / "other", WRITING)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_written_only_where_the_folder_is_theirs_too(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    theirs, foreign = folder / "theirs", folder / "foreign"
    theirs.touch()
    foreign.touch()
    os.chown(folder, 1234, 1234)
    os.chown(theirs, 1234, 1234)
    os.chown(foreign, 4321, 4321)
    opening.open_to_append(theirs).close()
    with pytest.raises(PermissionError, match="another user"):
        opening.open_to_append(foreign)
    assert opening.read_bytes(foreign) == b""


def test_new_files_are_private(tmp_path):
    mask = os.umask(0)
    try:
        opening.open_to_append(tmp_path / "new").close()
        opening.open_temporary(tmp_path / "temporary").close()
        opening.private_folder(tmp_path / "folder")
    finally:
        os.umask(mask)
    assert (mode(tmp_path / "new"), mode(tmp_path / "temporary"), mode(tmp_path / "folder")) == (0o600, 0o600, 0o700)


def test_a_temporary_file_replaces_a_link_and_does_not_follow_it(tmp_path, target):
    (tmp_path / "temporary").symlink_to(target)
    with opening.open_temporary(tmp_path / "temporary", 0o640) as file:
        file.write(b"new")
    assert target.read_text() == "mine"
    assert mode(tmp_path / "temporary") == 0o640


def test_a_linked_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="a link, where a folder belongs"):
        opening.private_folder(tmp_path / "folder")
