from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui import config
from lstmtui.common import paths
from lstmtui.errors import CorruptError, LockedError, UsageError
from lstmtui.runs import creation, folder, listing, names, removal
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock, current_path, engine_alive


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def make(root, name, *, at=1000.0):
    run = RunFolder(root / name)
    run.path.mkdir(parents=True)
    run.config.write_text("format = 1\n")
    run.status.write_text("{}")
    os.utime(run.status, (at, at))
    return run


@pytest.mark.parametrize("name", ["a", "diary-2", "Größe", "v1.2_x", "9lives", "x" * 64])
def test_good_names(name):
    assert names.check_run_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-x", ".x", "_x", "a/b", "..", "a..b", "a b", "a\x1bb", "a\n", "a\0", "x" * 65, "latest", "a\u202eb"]
)
def test_bad_names(name):
    with pytest.raises(UsageError) as error:
        names.check_run_name(name)
    assert len(str(error.value)) < 300


@given(st.text(max_size=80))
def test_a_free_name_is_always_a_good_one(tmp_path_factory, stem):
    assert names.check_run_name(names.free_run_name(tmp_path_factory.getbasetemp() / "none", stem))


def test_a_free_name_is_free(root):
    make(root, "diary")
    make(root, "diary-2")
    assert names.free_run_name(root, "diary") == "diary-3"


def test_runs_are_listed_the_newest_first(root):
    assert listing.list_runs() == []
    for name, at in (("old", 1.0), ("new", 3.0), ("middle", 2.0)):
        make(root, name, at=at)
    (root / "no-run").mkdir()
    (root / "file").touch()
    assert [run.name for run in listing.list_runs()] == ["new", "middle", "old"]
    assert listing.find_run("latest").name == "new"


def test_a_run_is_found_by_name_and_by_path(root, tmp_path, monkeypatch):
    make(root, "diary")
    assert listing.find_run("diary").path == root / "diary"
    assert listing.find_run(str(root / "diary")).name == "diary"
    monkeypatch.chdir(tmp_path)
    assert listing.find_run("runs/diary").name == "diary"
    for name in ("nope", "./nope", "runs/nope"):
        with pytest.raises(UsageError):
            listing.find_run(name)


def test_no_runs_yet(root):
    with pytest.raises(UsageError, match="no runs yet"):
        listing.find_run("latest")


def test_one_engine_at_a_time(root):
    run = make(root, "diary")
    assert not engine_alive(run)
    lock = EngineLock(run)
    assert engine_alive(run)
    with pytest.raises(LockedError, match="'diary'"):
        EngineLock(run)
    lock.release()
    assert not engine_alive(run)
    EngineLock(run).release()


def test_a_lock_dies_with_its_process(root):
    run = make(root, "diary")
    program = (
        "import sys, time; from pathlib import Path; from lstmtui.runs.folder import RunFolder;"
        "from lstmtui.runs.lock import EngineLock;"
        "lock = EngineLock(RunFolder(Path(sys.argv[1]))); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(run.path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert engine_alive(run)
        holder.kill()
    assert not engine_alive(run)


def test_remove(root):
    run = make(root, "diary")
    run.checkpoints.mkdir()
    (run.checkpoints / "step-00000001.safetensors").touch()
    (run.path / ".status.json.1.tmp").touch()
    assert removal.remove_run(run) == []
    assert not run.path.exists()


def test_remove_keeps_what_is_not_of_a_run(root):
    run = make(root, "diary")
    (run.path / "notes.txt").touch()
    assert removal.remove_run(run) == ["notes.txt"]
    assert listing.list_runs() == []


def test_remove_refuses_a_run_at_work(root):
    run = make(root, "diary")
    lock = EngineLock(run)
    with pytest.raises(LockedError):
        removal.remove_run(run)
    lock.release()
    assert run.config.exists()


def test_a_run_gets_another_name(root):
    run = make(root, "a")
    run.config.write_text(config.dump(config.Settings(corpus=("x.txt", str(run.text)))))
    run.text.write_text("piped in")
    renamed = names.rename_run(run, "b")
    assert renamed.path == root / "b"
    assert not run.path.exists()
    assert config.load(renamed.config).corpus == ("x.txt", str(renamed.text))


def test_renaming_refuses_a_name_that_is_taken_or_none_and_a_run_at_work(root):
    run, other = make(root, "a"), make(root, "b")
    for one in (run, other):
        one.config.write_text(config.dump(config.Settings()))
    for name in ("b", "a", "", "../c", "latest", "c/d", "."):
        with pytest.raises(UsageError):
            names.rename_run(run, name)
    lock = EngineLock(run)
    with pytest.raises(LockedError):
        names.rename_run(run, "c")
    lock.release()
    assert run.config.exists()


def test_disk_usage_is_what_the_files_take(root):
    run = make(root, "a")
    before = folder.disk_usage(run)
    run.checkpoints.mkdir()
    (run.checkpoints / "step-1.safetensors").write_bytes(os.urandom(100_000))
    assert 100_000 <= folder.disk_usage(run) - before <= 120_000
    (run.path / "link").symlink_to("/usr")  # is not followed
    assert folder.disk_usage(run) - before <= 120_000
    assert folder.disk_usage(RunFolder(root / "none")) == 0


def test_places(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_RUNS", "~/r")
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.runs_root() == tmp_path / "r"
    assert paths.cache_root() == tmp_path
    monkeypatch.delenv("LSTMTUI_RUNS")
    monkeypatch.delenv("LSTMTUI_CACHE")
    assert "lstmtui" in str(paths.runs_root())
    assert "lstmtui" in str(paths.cache_root())


# --- what is there, and what may be made ------------------------------------------------------------------------------


def test_a_run_is_made_as_a_whole_or_not_at_all(root):
    run = RunFolder(root / "diary")

    def fail():
        with creation.draft_folder(run) as draft:
            draft.config.write_text("format = 1\n")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert list(root.iterdir()) == []
    with creation.draft_folder(run) as draft:
        assert listing.list_runs() == []  # not before it is whole
        draft.config.write_text("format = 1\n")
        assert not run.path.exists()
    assert [found.name for found in listing.list_runs()] == ["diary"]
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700


def test_an_empty_folder_is_no_run_and_is_not_in_the_way(root):
    (root / "diary").mkdir(parents=True)
    assert names.free_run_name(root, "diary") == "diary"
    with creation.draft_folder(RunFolder(root / "diary")) as draft:
        draft.config.write_text("format = 1\n")
    assert listing.find_run("diary").config.exists()


@pytest.mark.parametrize(
    ("name", "words"), [("config.toml", "already a run 'diary'"), ("metrics.jsonl", "rm diary"), ("x.txt", "not a run")]
)
def test_what_is_in_the_way_of_a_new_run_is_said(root, name, words):
    (root / "diary").mkdir(parents=True)
    (root / "diary" / name).touch()
    assert names.free_run_name(root, "diary") == "diary-2"
    with pytest.raises(UsageError, match=words), creation.draft_folder(RunFolder(root / "diary")):
        pytest.fail("it was begun")
    assert [path.name for path in root.iterdir()] == ["diary"]


def test_of_two_that_make_one_run_the_second_is_refused(root):
    run = RunFolder(root / "diary")

    def make_both():
        with creation.draft_folder(run) as second:
            second.config.write_text("second")
            with creation.draft_folder(run) as first:
                first.config.write_text("first")

    with pytest.raises(UsageError, match="already a run"):
        make_both()
    assert run.config.read_text() == "first"
    assert [path.name for path in root.iterdir()] == ["diary"]


def test_what_is_left_of_a_run_can_be_removed_by_its_name(root):
    run = make(root, "diary")
    run.checkpoints.mkdir()
    run.config.unlink()
    with pytest.raises(UsageError, match="no run 'diary'"):
        listing.find_run("diary")
    assert removal.remove_run(listing.find_removable_run("diary")) == []
    assert not run.path.exists()


def test_a_draft_of_a_process_that_died_long_ago_goes(root):
    for name, at in ((".old.1234abcd.draft", 1.0), (".new.1234abcd.draft", time.time())):
        (root / name).mkdir(parents=True)
        os.utime(root / name, (at, at))
    with creation.draft_folder(RunFolder(root / "diary")) as draft:
        draft.config.touch()
    assert sorted(path.name for path in root.iterdir()) == [".new.1234abcd.draft", "diary"]
    assert [run.name for run in listing.list_runs()] == ["diary"]


# --- what others may have put there -----------------------------------------------------------------------------------


def replace(path, kind, target):
    """Put something else where a file or folder of a run belongs."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    if kind == "link":
        path.symlink_to(target)
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("a file")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, kind) for name in folder.FILES for kind in ("link", "FIFO", "folder")),
        *((name, kind) for name in folder.FOLDERS for kind in ("link", "FIFO", "file")),
    ],
)
def test_a_run_with_something_else_where_its_files_belong_is_refused_and_can_be_removed(root, tmp_path, name, kind):
    run = make(root, "diary")
    run.metrics.touch()
    make(root, "other", at=1.0)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "step-00000001.safetensors").write_text("mine")
    target = outside if name in folder.FOLDERS else outside / "step-00000001.safetensors"
    replace(run.path / name, kind, target)
    with pytest.raises(CorruptError, match=f"{name} cannot be used"):
        listing.find_run("diary")
    assert {found.name for found in listing.list_runs()} == {"diary", "other"}
    assert listing.find_run("latest").name == "other"
    assert not engine_alive(run)
    left = removal.remove_run(listing.find_removable_run("diary"))
    assert left == ([name] if kind == "folder" else [])  # a folder where a file belongs is not a run's
    assert (outside / "step-00000001.safetensors").read_text() == "mine"


def test_a_run_that_cannot_be_looked_at_hides_no_other(root, monkeypatch):
    make(root, "bad")
    make(root, "good", at=1.0)
    whole = Path.lstat

    def refused(path):
        if path.parent.name == "bad":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "lstat", refused)
    assert {run.name for run in listing.list_runs()} == {"bad", "good"}
    assert listing.find_run("latest").name == "good"
    with pytest.raises(CorruptError, match="Permission denied"):
        listing.find_run("bad")


# --- removing ---------------------------------------------------------------------------------------------------------


def test_nothing_of_a_folder_that_is_no_run_is_removed(tmp_path):
    site = tmp_path / "site"
    (site / "checkpoints").mkdir(parents=True)
    (site / "config.toml").write_text('title = "My site"\n')
    (site / "checkpoints" / "step-00000001.safetensors").touch()
    with pytest.raises(UsageError, match="not a run, so nothing of it is removed"):
        listing.find_removable_run(str(site))
    with pytest.raises(UsageError, match="not a run"):
        listing.find_removable_run("site", tmp_path)


def test_a_damaged_run_can_be_removed(root):
    run = make(root, "diary")
    run.metrics.touch()
    run.config.write_text("[[[")
    assert removal.remove_run(listing.find_removable_run("diary")) == []


def test_remove_keeps_what_is_not_of_a_run_in_its_folders_too(root):
    run = make(root, "diary")
    for parent in (run.checkpoints, run.probes, run.autocomplete):
        parent.mkdir()
        (parent / "mine.txt").touch()
        (parent / ".best.json.12-0.tmp").touch()
    (run.checkpoints / "step-00000001.safetensors").touch()
    (run.probes / "window.npz").touch()
    (run.autocomplete / "profile.npz").touch()
    assert removal.remove_run(run) == ["autocomplete", "checkpoints", "probes"]
    found = sorted(path.name for parent in (run.checkpoints, run.probes, run.autocomplete) for path in parent.iterdir())
    assert found == ["mine.txt"] * 3


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_an_engine_keeps_its_run_where_the_lock_file_was_removed(root):
    run = make(root, "diary")
    lock = EngineLock(run)
    run.lock.unlink()
    assert engine_alive(run)
    with pytest.raises(LockedError):
        EngineLock(run)
    lock.release()
    assert not engine_alive(run)


def test_of_five_engines_one_has_the_run(root):
    run = make(root, "diary")
    program = (
        "import sys; from pathlib import Path; from lstmtui.errors import LockedError\n"
        "from lstmtui.runs.folder import RunFolder; from lstmtui.runs.lock import EngineLock\n"
        "try:\n    lock = EngineLock(RunFolder(Path(sys.argv[1])))\n"
        "except LockedError:\n    sys.exit(5)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    five = [
        subprocess.Popen([sys.executable, "-P", "-c", program, str(run.path)], stdin=pipe, stdout=pipe)
        for _ in range(5)
    ]
    deadline = time.monotonic() + 60
    while sum(process.poll() is not None for process in five) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sorted(process.poll() or 0 for process in five) == [0, 5, 5, 5, 5]
    for process in five:
        process.communicate(timeout=60)
    assert sorted(process.returncode for process in five) == [0, 5, 5, 5, 5]


def test_an_open_folder_is_found_where_it_was_moved(root, tmp_path):
    run = make(root, "diary")
    lock = EngineLock(run)
    assert current_path(lock.folder, run.path) == run.path
    moved = run.path.rename(tmp_path / "moved")
    assert current_path(lock.folder, run.path) == moved
    make(root, "diary")  # another stands in its place
    assert current_path(lock.folder, run.path) == moved
    removal.remove_run(RunFolder(root / "diary"))
    lock.release()


def test_a_folder_that_was_removed_is_found_nowhere(root):
    run = make(root, "diary")
    lock = EngineLock(run)
    shutil.rmtree(run.path)
    assert current_path(lock.folder, run.path) is None
    make(root, "diary")
    assert current_path(lock.folder, run.path) is None
    lock.release()
