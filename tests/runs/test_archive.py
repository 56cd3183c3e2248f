"""A run as an archive, with its text and without."""

import io
import os
import tarfile

import pytest
from support.prepared_run import make_run

from lstmtui import config
from lstmtui.errors import CorruptError, LockedError, LstmtuiError
from lstmtui.runs import archive
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import find_run
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.reader import RunReader

SECRET = "the text that nobody else is to read"


@pytest.fixture
def run(tmp_path):
    status = {
        "beginning": SECRET,
        "copied": {"characters": 36, "text": SECRET, "usual": 1, "of": 2000},
        "result": {"copied": {"characters": 36, "text": SECRET, "usual": 1, "of": 2000}, "best_step": 400},
    }
    run = make_run(
        tmp_path,
        "diary",
        state="finished",
        status=status,
        corpus=(f"/home/me/{SECRET}/d.txt", "ptb"),
        features=f"/home/me/{SECRET}/v.npy",
    )
    run.text.write_text(SECRET)
    run.autocomplete.mkdir()
    for name in ("text.npz", "profile.npz"):
        (run.autocomplete / name).write_bytes(SECRET.encode())
    (run.probes / "window.npz").write_bytes(SECRET.encode())
    run.log.write_text(SECRET)
    run.requests.write_text(SECRET)
    run.checkpoints.mkdir()
    (run.checkpoints / "step-00000400.safetensors").write_bytes(os.urandom(5000))
    (run.checkpoints / "best.json").write_text("{}")
    (run.checkpoints / ".step.tmp").write_bytes(b"half")
    (run.path / "notes of mine").write_text(SECRET)
    return run


def packed(run, *, without_text, compressed=False):
    stream = io.BytesIO()
    archive.write_archive(run, stream, compressed=compressed, without_text=without_text)
    return stream.getvalue()


def unpacked(data, folder):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")
        return archive.getmembers()


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_without_text_contains_none_of_it(run, tmp_path, compressed):
    members = unpacked(packed(run, without_text=True, compressed=compressed), tmp_path / "else")
    there = find_run("diary", tmp_path / "else")
    for path in there.path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
    assert config.load(there.config).data.corpus == ("/left-out/d.txt", "ptb")
    assert config.load(there.config).network.hidden == config.load(run.config).network.hidden
    snapshot = RunReader(there).refresh()
    assert (snapshot.state, snapshot.status["result"]["best_step"]) == ("finished", 400)
    assert len(snapshot.valid) == len(RunReader(run).refresh().valid)
    names = {member.name for member in members}
    assert "diary/checkpoints/step-00000400.safetensors" in names
    assert not any("tmp" in name or "lock" in name or "notes" in name for name in names)
    assert {(member.uid, member.uname, member.mode) for member in members} == {(0, "", 0o600)}


def test_an_archive_with_text_is_the_complete_run(run, tmp_path):
    unpacked(packed(run, without_text=False), tmp_path / "else")
    there = find_run("diary", tmp_path / "else")
    for name in ("config.toml", "status.json", "autocomplete/text.npz", "piped.txt", "probes/window.npz"):
        assert (there.path / name).read_bytes() == (run.path / name).read_bytes()
    assert not there.log.exists()
    assert not (there.path / "notes of mine").exists()


def test_files_that_hold_the_text_are_listed(run, tmp_path):
    names = [path.name for path in archive.text_files(run)]
    assert names == ["piped.txt", "profile.npz", "text.npz"]
    assert archive.total_size(archive.text_files(run)) == 3 * len(SECRET)
    assert archive.text_files(make_run(tmp_path, "other")) == []


def test_a_run_that_trains_and_files_that_are_links_are_refused(run):
    lock = EngineLock(run)
    with pytest.raises(LockedError):
        packed(run, without_text=True)
    lock.release()
    (run.checkpoints / "best.json").unlink()
    (run.checkpoints / "best.json").symlink_to("/etc/hostname")
    with pytest.raises(LstmtuiError, match=r"best\.json"):
        packed(run, without_text=True)


def test_a_damaged_status_is_refused_where_its_quotations_are_removed(run):
    run.status.write_text("{")
    with pytest.raises(CorruptError):
        packed(run, without_text=True)
    assert packed(run, without_text=False)


def test_a_run_without_files_gives_an_empty_archive(tmp_path):
    run = RunFolder(tmp_path / "new")
    run.path.mkdir()
    assert archive.text_files(run) == []
