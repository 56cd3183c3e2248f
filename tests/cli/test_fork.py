from __future__ import annotations

import shutil


def test_a_fork_prints_its_name(lstmtui, make_run, monkeypatch):
    make_run("diary", "stopped")
    asked = {}

    def fork(run, **details):
        asked.update(details, run=run.name)
        return type(run)(run.path.parent / "diary-fork"), 42

    monkeypatch.setattr("lstmtui.client.runs.fork", fork)
    said = lstmtui("fork", "diary", "lr=0.001", "save-every=5", "--from", "best")
    assert (said.code, said.out) == (0, "diary-fork\n")
    assert "step 42 of 'diary'" in said.err
    assert asked == {"run": "diary", "at": "best", "name": None, "changes": {"lr": "0.001", "save_every": "5"}}
    assert lstmtui("fork", "diary", "lr").code == 2


def test_a_run_without_checkpoints_cannot_be_forked(lstmtui, make_run):
    run = make_run("diary", "stopped")
    shutil.rmtree(run.checkpoints)
    said = lstmtui("fork", "diary")
    assert said.code == 2
    assert "no checkpoint" in said.err
