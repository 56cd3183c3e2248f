from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui import config, places
from lstmtui.errors import LockedError, UsageError
from lstmtui.runs import folder
from lstmtui.runs.folder import EngineLock, RunFolder


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
    assert folder.check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-x", ".x", "_x", "a/b", "..", "a..b", "a b", "a\x1bb", "a\n", "a\0", "x" * 65, "latest", "a\u202eb"]
)
def test_bad_names(name):
    with pytest.raises(UsageError) as error:
        folder.check_name(name)
    assert len(str(error.value)) < 300


@given(st.text(max_size=80))
def test_a_free_name_is_always_a_good_one(tmp_path_factory, stem):
    assert folder.check_name(folder.free_name(tmp_path_factory.getbasetemp() / "none", stem))


def test_a_free_name_is_free(root):
    make(root, "diary")
    make(root, "diary-2")
    assert folder.free_name(root, "diary") == "diary-3"


def test_runs_are_listed_the_newest_first(root):
    assert folder.all_runs() == []
    for name, at in (("old", 1.0), ("new", 3.0), ("middle", 2.0)):
        make(root, name, at=at)
    (root / "no-run").mkdir()
    (root / "file").touch()
    assert [run.name for run in folder.all_runs()] == ["new", "middle", "old"]
    assert folder.find("latest").name == "new"


def test_a_run_is_found_by_name_and_by_path(root, tmp_path, monkeypatch):
    make(root, "diary")
    assert folder.find("diary").path == root / "diary"
    assert folder.find(str(root / "diary")).name == "diary"
    monkeypatch.chdir(tmp_path)
    assert folder.find("runs/diary").name == "diary"
    for name in ("nope", "./nope", "runs/nope"):
        with pytest.raises(UsageError):
            folder.find(name)


def test_no_runs_yet(root):
    with pytest.raises(UsageError, match="no runs yet"):
        folder.find("latest")


def test_one_engine_at_a_time(root):
    run = make(root, "diary")
    assert not folder.engine_alive(run)
    lock = EngineLock(run)
    assert folder.engine_alive(run)
    with pytest.raises(LockedError, match="'diary'"):
        EngineLock(run)
    lock.release()
    assert not folder.engine_alive(run)
    EngineLock(run).release()


def test_a_lock_dies_with_its_process(root):
    run = make(root, "diary")
    program = (
        "import sys, time; from pathlib import Path; from lstmtui.runs.folder import *;"
        "lock = EngineLock(RunFolder(Path(sys.argv[1]))); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(run.path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert folder.engine_alive(run)
        holder.kill()
    assert not folder.engine_alive(run)


def test_remove(root):
    run = make(root, "diary")
    run.checkpoints.mkdir()
    (run.checkpoints / "step-00000001.safetensors").touch()
    (run.path / ".status.json.1.tmp").touch()
    assert folder.remove(run) == []
    assert not run.path.exists()


def test_remove_keeps_what_is_not_of_a_run(root):
    run = make(root, "diary")
    (run.path / "notes.txt").touch()
    assert folder.remove(run) == ["notes.txt"]
    assert folder.all_runs() == []


def test_remove_refuses_a_run_at_work(root):
    run = make(root, "diary")
    lock = EngineLock(run)
    with pytest.raises(LockedError):
        folder.remove(run)
    lock.release()
    assert run.config.exists()


def test_a_run_gets_another_name(root):
    run = make(root, "a")
    run.config.write_text(config.dump(config.Settings(corpus=("x.txt", str(run.text)))))
    run.text.write_text("piped in")
    renamed = folder.rename(run, "b")
    assert renamed.path == root / "b"
    assert not run.path.exists()
    assert config.load(renamed.config).corpus == ("x.txt", str(renamed.text))


def test_renaming_refuses_a_name_that_is_taken_or_none_and_a_run_at_work(root):
    run, other = make(root, "a"), make(root, "b")
    for one in (run, other):
        one.config.write_text(config.dump(config.Settings()))
    for name in ("b", "a", "", "../c", "latest", "c/d", "."):
        with pytest.raises(UsageError):
            folder.rename(run, name)
    lock = EngineLock(run)
    with pytest.raises(LockedError):
        folder.rename(run, "c")
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
    assert places.runs_root() == tmp_path / "r"
    assert places.cache_root() == tmp_path
    monkeypatch.delenv("LSTMTUI_RUNS")
    monkeypatch.delenv("LSTMTUI_CACHE")
    assert "lstmtui" in str(places.runs_root())
    assert "lstmtui" in str(places.cache_root())
