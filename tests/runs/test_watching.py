"""What the watch of a profile keeps in the run's folder."""

from __future__ import annotations

import pytest
from support.bare_run import bare_run

from lstmtui.errors import CorruptError, LockedError
from lstmtui.runs import watching
from lstmtui.runs.watching import Watched, WatchLock


@pytest.fixture
def run(root):
    return bare_run(root, "diary")


def test_what_has_been_read_is_stored(run):
    assert watching.load(run) is None
    run.autocomplete.mkdir()
    watched = Watched(["/notes"], {"/notes/a.txt": (3, 1796077512714218116)}, {"/notes/a.txt": 3})
    watching.save(run, watched)
    assert watching.load(run) == watched


@pytest.mark.parametrize("content", ["{}", "[]", "x", '{"folders": 1, "files": {"a": 2}, "bytes_learnt": {}}'])
def test_a_damaged_record_raises(run, content):
    run.autocomplete.mkdir()
    (run.autocomplete / "watch.json").write_text(content)
    with pytest.raises(CorruptError, match=r"watch\.json is damaged"):
        watching.load(run)
    assert not watching.is_watched(run, "/notes/a.txt")


def test_one_process_at_a_time_watches(run):
    assert not watching.is_running(run)
    with WatchLock(run) as lock:
        assert watching.is_running(run)
        assert lock.valid
        with pytest.raises(LockedError, match="'diary' is watched by another process"):
            WatchLock(run)
    assert not watching.is_running(run)
    WatchLock(run).close()


def test_a_lock_is_void_where_its_file_is_removed_or_replaced(run):
    with WatchLock(run) as lock:
        watching.forget(run)
        assert not lock.valid
        with WatchLock(run) as other:
            assert other.valid
            assert not lock.valid


def test_a_pause_outlives_the_process(run):
    assert not watching.is_paused(run)
    watching.resume(run)
    watching.pause(run)
    watching.pause(run)
    assert watching.is_paused(run)
    watching.resume(run)
    assert not watching.is_paused(run)


def test_files_are_left_out_until_they_are_wanted_again(run, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    path = str(notes / "a.txt")
    run.autocomplete.mkdir()
    watching.leave_out(run, path, wanted=False)  # never was
    assert list(run.autocomplete.iterdir()) == []
    watching.leave_out(run, path)
    watching.leave_out(run, "/b.txt")
    assert watching.left_out(run) == {path, "/b.txt"}
    watching.leave_out(run, path, wanted=False)
    assert watching.left_out(run) == {"/b.txt"}
    watching.save(run, Watched([str(notes)]))
    assert not watching.is_watched(run, path)
    (notes / "a.txt").write_text("text")
    assert watching.is_watched(run, path)
    assert not watching.is_watched(run, str(notes) + "2/a.txt")


def test_everything_is_forgotten(run):
    watching.pause(run)
    watching.save(run, Watched(["/notes"]))
    watching.leave_out(run, "/notes/a.txt")
    WatchLock(run).close()
    watching.forget(run)
    assert list(run.autocomplete.iterdir()) == []
    watching.forget(run)
