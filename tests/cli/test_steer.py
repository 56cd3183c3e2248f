from __future__ import annotations

import shutil

import pytest

from lstmtui.common.files import read_json_lines


@pytest.mark.parametrize("operation", ["pause", "continue", "save"])
def test_a_request_reaches_the_engine_and_its_answer_comes_back(lstmtui, live_run, operation):
    said = lstmtui(operation, "live")
    assert (said.code, said.err) == (0, f"{operation} it is\n")
    assert [r["op"] for r in read_json_lines(live_run.requests)[0]] == [operation]


def test_stop_waits_for_the_end(lstmtui, live_run):
    said = lstmtui("stop", "live")
    assert said.code == 0
    assert said.err == "Run 'live' is stopped at step 4; 'lstmtui resume live' continues it.\n"


def test_set_sends_values_of_their_type(lstmtui, live_run):
    said = lstmtui("set", "live", "lr=0.001", "top-k=5", "prompt=The a=b")
    assert said.code == 0
    sent = [(r["key"], r["value"]) for r in read_json_lines(live_run.requests)[0]]
    assert sent == [("lr", 0.001), ("top_k", 5), ("prompt", "The a=b")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("lr", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("lr=-1", "lr must be more than 0"),
        ("lr=nan", "finite"),
        ("hidden=3", "cannot be changed while a run trains"),
        ("lrr=3", "'lrr' cannot be changed while a run trains (did you mean 'lr'?)"),
        ("\x1b[2J=3", "cannot be changed"),
    ],
)
def test_a_bad_change_is_refused_before_anything_is_sent(lstmtui, live_run, change, words):
    said = lstmtui("set", "live", "clip=2", change)
    assert said.code == 2
    assert words in said.err
    assert "\x1b" not in said.err
    assert read_json_lines(live_run.requests)[0] == []


def test_a_refusal_is_told(lstmtui, live_run):
    said = lstmtui("set", "live", "clip=0.123")
    assert (said.code, said.err) == (1, "lstmtui: No.\n")


@pytest.mark.parametrize("arguments", [["pause"], ["stop"], ["set", "diary", "lr=1"]])
def test_a_run_that_does_not_run_is_refused(lstmtui, make_run, arguments):
    make_run("diary", "stopped")
    said = lstmtui(*arguments)
    assert said.code == 2
    assert "'lstmtui resume diary'" in said.err


@pytest.mark.parametrize("operation", ["undo", "rewind"])
def test_undo_and_rewind_ask_the_engine(lstmtui, live_run, operation):
    said = lstmtui(operation, "live")
    assert (said.code, said.err) == (0, f"{operation} it is\n")


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


@pytest.mark.parametrize("key", ["steps", "minutes", "epochs"])
def test_a_run_at_work_gets_its_end_by_resume(lstmtui, live_run, key):
    said = lstmtui("set", "live", f"{key}=500")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"'lstmtui resume RUN --{key} MORE' gives it another end" in said.err
