"""Claims on trials: one worker each, and those of a dead worker are free."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lstmtui.common.files import to_json
from lstmtui.errors import LstmtuiError
from lstmtui.runs import claims
from lstmtui.runs.claims import Claims

WORKER = """
import sys
from pathlib import Path
from lstmtui.runs.claims import Claims
held = Claims(Path(sys.argv[1]))
print(held.claim(1), flush=True)
sys.stdin.read()
"""


def test_a_trial_is_of_one_worker_until_that_leaves(tmp_path):
    first, second = Claims(tmp_path / "c"), Claims(tmp_path / "c")
    assert first.claim(1)
    assert first.claim(1)
    assert not second.claim(1)
    assert second.claim(2)
    assert (first.owns(1), first.owns(2), first.owns(3)) == (True, False, False)
    assert second.is_taken(1)
    assert not second.is_taken(3)
    first.close()
    assert second.claim(1)
    assert second.owns(1)
    second.close()


def test_the_trial_of_a_killed_worker_is_free_at_once(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path / "c")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with Claims(tmp_path / "c") as own:
            assert not own.claim(1)
            os.kill(other.pid, signal.SIGKILL)
            other.wait()
            assert own.claim(1)
            assert own.owns(1)
    finally:
        other.kill()
        other.communicate()


def test_of_many_that_see_a_worker_dead_one_takes_over(tmp_path):
    Claims(tmp_path / "c").close()
    (tmp_path / "c" / "001-1").write_text('{"worker": "gone"}')
    workers = [Claims(tmp_path / "c") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda worker: worker.claim(1), workers))
    assert won.count(True) == 1
    assert [worker.owns(1) for worker in workers] == won
    for worker in workers:
        worker.close()


def test_a_worker_on_another_machine_lives_while_it_touches_its_file(tmp_path, monkeypatch):
    with Claims(tmp_path / "c") as own:
        other = tmp_path / "c" / "worker-far"
        other.write_text(to_json({"machine": "elsewhere", "host": "far", "pid": 1}))
        (tmp_path / "c" / "004-3").write_text('{"worker": "far"}')
        assert not own.claim(4)
        monkeypatch.setattr(claims, "MAX_SILENCE", 0.0)
        assert own.claim(4)
        assert (tmp_path / "c" / "004-4").exists()


def test_a_machine_is_prepared_once_for_all_of_its_workers(tmp_path):
    with Claims(tmp_path / "c") as one, Claims(tmp_path / "c") as other:
        assert one.prepared() is None
        one.note_prepared({"lstm": 0.25})
        other.note_prepared({"lstm": 9.0})
        assert other.prepared() == {"lstm": 0.25}


def test_a_damaged_claim_is_free_and_a_folder_that_cannot_be_written_is_named(tmp_path):
    with Claims(tmp_path / "c") as own:
        (tmp_path / "c" / "002-1").write_text("{")
        assert own.claim(2)
        assert own.silence(Path("/nowhere")) == float("inf")
    (tmp_path / "file").write_text("")
    with pytest.raises(LstmtuiError, match="cannot be written"):
        Claims(tmp_path / "file")
