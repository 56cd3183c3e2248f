"""The lock of a run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import pytest
from support.bare_run import bare_run

from lstmtui.errors import LockedError
from lstmtui.runs import removal
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock, current_path, engine_alive


def test_one_engine_at_a_time_holds_the_lock(root):
    run = bare_run(root, "diary")
    assert not engine_alive(run)
    lock = EngineLock(run)
    assert engine_alive(run)
    with pytest.raises(LockedError, match="'diary'"):
        EngineLock(run)
    lock.release()
    assert not engine_alive(run)
    EngineLock(run).release()


def test_a_lock_dies_with_its_process(root):
    run = bare_run(root, "diary")
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


def test_a_run_stays_locked_where_the_lock_file_was_removed(root):
    run = bare_run(root, "diary")
    lock = EngineLock(run)
    run.lock.unlink()
    assert engine_alive(run)
    with pytest.raises(LockedError):
        EngineLock(run)
    lock.release()
    assert not engine_alive(run)


def test_one_of_five_engines_gets_the_lock(root):
    run = bare_run(root, "diary")
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
    run = bare_run(root, "diary")
    lock = EngineLock(run)
    assert current_path(lock.folder, run.path) == run.path
    moved = run.path.rename(tmp_path / "moved")
    assert current_path(lock.folder, run.path) == moved
    bare_run(root, "diary")  # another stands in its place
    assert current_path(lock.folder, run.path) == moved
    removal.remove_run(RunFolder(root / "diary"))
    lock.release()


def test_a_removed_folder_has_no_path(root):
    run = bare_run(root, "diary")
    lock = EngineLock(run)
    shutil.rmtree(run.path)
    assert current_path(lock.folder, run.path) is None
    bare_run(root, "diary")
    assert current_path(lock.folder, run.path) is None
    lock.release()
