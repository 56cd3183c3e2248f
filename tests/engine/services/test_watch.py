"""The process that watches: when it looks, rests, pauses and ends."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support import tiny

from lstmtui.engine.processor_share import ProcessorShare
from lstmtui.engine.services import watch
from lstmtui.errors import LockedError
from lstmtui.runs import watching
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.watching import WatchLock


class FakeWatcher:
    """Takes a second of processor time for each look."""

    behind = False

    def __init__(self) -> None:
        self.looks, self.failing = 0, False

    def waiting(self) -> int:
        return 3

    def look(self):
        self.looks += 1
        if self.failing:
            raise LockedError("Another process is changing the profile.")
        yield {"look": self.looks}


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "diary")
    run.path.mkdir()
    return run


def follow(run, lock, during, watcher=None):
    """Watch, and call the functions `during` one after the other in place of resting; return what was written."""
    watcher = watcher or FakeWatcher()
    written, rests, actions = [], [], iter(during)
    share = ProcessorShare(0.1, clock=lambda: 0.0, used=lambda: float(watcher.looks))

    def wait(seconds):
        rests.append(seconds)
        action = next(actions, None)
        if action is None:
            return True
        action()
        return False

    watch.watch(run, watcher, lock, share, written.append, wait)
    return written, rests


def test_it_rests_in_proportion_to_its_work(run):
    with WatchLock(run) as lock:
        written, rests = follow(run, lock, [lambda: None] * 2)
    assert written == [{"ready": True, "files": 3, "paused": False}, {"look": 1}, {"look": 2}, {"look": 3}]
    assert rests[0] == 10.0  # by a clock that stands still


def test_a_pause_is_seen_and_ends(run):
    with WatchLock(run) as lock:
        watcher = FakeWatcher()
        pause, resume = lambda: watching.pause(run), lambda: watching.resume(run)
        written, _ = follow(run, lock, [pause, lambda: None, resume], watcher)
    assert written[1:] == [{"look": 1}, {"paused": True}, {"paused": False}, {"look": 2}]
    watching.pause(run)
    with WatchLock(run) as lock:
        assert follow(run, lock, [])[0] == [{"ready": True, "files": 3, "paused": True}]


def test_it_ends_where_the_profile_is_removed(run):
    with WatchLock(run) as lock:
        written, rests = follow(run, lock, [lambda: watching.forget(run)])
    assert written[-1] == {"ended": "the profile has been removed"}
    assert len(rests) == 1


def test_a_profile_that_others_change_is_tried_again(run):
    watcher = FakeWatcher()
    watcher.failing = True
    with WatchLock(run) as lock:
        written, _ = follow(run, lock, [lambda: None, lambda: setattr(watcher, "failing", False)], watcher)
    assert written[1:] == [{"look": 3}]


def start(run, *folders):
    command = [sys.executable, "-P", "-m", "lstmtui.engine.services.watch", str(run.path), "1", "", *map(str, folders)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_it_learns_without_the_network_until_its_input_ends(tmp_path):
    run = tiny.create(tmp_path)
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("dear zebulon")
    program = "import sys, lstmtui.engine.services.watch; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    with start(run, notes) as process:
        assert json.loads(process.stdout.readline()) == {"ready": True, "files": 1, "paused": False}
        assert json.loads(process.stdout.readline())["words"] == 2
        with start(run, notes) as second:
            answer = json.loads(second.stdout.readline())
            assert "watched by another process" in answer["error"]
            assert second.wait(20) == answer["exit_code"] == LockedError.exit_code
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_run_for_something_else_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(watch, "give_way", lambda: None)  # the tests after this one are in no less of a hurry
    run = tiny.create(tmp_path)
    run.config.write_text(run.config.read_text().replace('purpose = "text"', 'purpose = "memory"'))
    assert watch.main([str(run.path), "0.1", "", str(tmp_path)]) == 2
    assert "trained for memory" in json.loads(capsys.readouterr().out)["error"]
