from __future__ import annotations

import tarfile

import pytest

from lstmtui.cli import main


@pytest.fixture(autouse=True)
def run(make_run, tmp_path, monkeypatch):
    run = make_run("diary")
    run.autocomplete.mkdir()
    (run.autocomplete / "text.npz").write_bytes(b"x" * 4000)
    monkeypatch.chdir(tmp_path)
    return run


def test_pack_writes_an_archive_and_mentions_the_text(lstmtui, tmp_path):
    said = lstmtui("pack", "diary")
    assert (said.code, said.out) == (0, "diary.tar.gz\n")
    assert "It contains the text that the run was trained on (4.0 kB); --without-text leaves it out." in said.err
    assert "tar -xf diary.tar.gz -C " in said.err
    with tarfile.open("diary.tar.gz", "r:gz") as archive:
        assert "diary/autocomplete/text.npz" in archive.getnames()
    assert not list(tmp_path.glob(".pack*"))


def test_pack_without_text(lstmtui, tmp_path):
    said = lstmtui("pack", "diary", "--without-text", "--to", tmp_path / "d.tar")
    assert said.code == 0
    assert "It holds" not in said.err
    with tarfile.open("d.tar", "r:") as archive:  # not compressed
        assert "diary/config.toml" in archive.getnames()
        assert not any("autocomplete" in name for name in archive.getnames())


def test_pack_overwrites_no_file_and_leaves_no_partial_one(lstmtui, tmp_path):
    (tmp_path / "d.tar").write_text("mine")
    said = lstmtui("pack", "diary", "--to", "d.tar")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert (tmp_path / "d.tar").read_text() == "mine"
    assert lstmtui("pack", "diary", "--to", "nowhere/d.tar").code == 1
    assert lstmtui("pack", "nobody").code == 2
    assert not list(tmp_path.glob(".pack*"))


def test_pack_of_a_run_that_trains_is_refused(lstmtui, live_run, tmp_path):
    assert lstmtui("pack", "live").code == 5
    assert not list(tmp_path.glob("*.tar*"))
    assert not list(tmp_path.glob(".pack*"))


def test_pack_into_a_pipe(start_process):
    command = start_process("pack", "diary", "--to", "-")
    assert command.stdout is not None
    with tarfile.open(fileobj=command.stdout.buffer, mode="r|") as archive:
        assert "diary/config.toml" in [member.name for member in archive]
    assert command.wait(20) == 0


def test_an_archive_is_not_shown_on_a_terminal(lstmtui, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["pack", "diary", "--to", "-"]) == 2


def test_show_mentions_the_text_in_the_folder(lstmtui, run):
    words = "contains the text it was trained on or typed with (autocomplete/text.npz: 4.0 kB); 'lstmtui pack diary "
    assert words in lstmtui("show", "diary").out
    (run.autocomplete / "text.npz").unlink()
    assert "pack" not in lstmtui("show", "diary").out
