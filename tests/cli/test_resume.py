from __future__ import annotations

import json

import pytest
from support import fake_engine

from lstmtui.client import runs


def test_resume_follows_the_run_again(lstmtui, make_run):
    make_run("diary", "stopped")
    said = lstmtui("resume", "diary")
    assert said.code == 0
    assert "Finished after 10 steps" in said.err
    assert said.out.startswith("The cat")


def test_resume_takes_the_latest_and_prints_json(lstmtui, make_run):
    make_run("diary", "stopped")
    assert json.loads(lstmtui("resume", "--json").out)["run"] == "diary"


def test_a_failed_resume_keeps_the_run(lstmtui, behave, make_run):
    run = make_run("diary", "stopped")
    behave("fail")
    assert lstmtui("resume", "diary").code == 2
    assert run.config.exists()


def test_a_running_run_is_refused(lstmtui, live_run):
    said = lstmtui("resume", "live")
    assert said.code == 5
    assert "already training" in said.err


def test_a_damaged_run_is_refused(lstmtui, make_run):
    make_run("diary").config.write_text("format = 99\n")
    said = lstmtui("resume", "diary")
    assert said.code == 3
    assert "update lstmtui" in said.err


def test_a_stale_status_is_not_the_result(lstmtui, behave, make_run):
    make_run("diary", "finished")
    behave("crash")
    said = lstmtui("resume", "diary", "--steps", "5")
    assert said.code == 1
    assert "died" in said.err
    assert said.out == ""


def test_resume_on_another_device(lstmtui, make_run, monkeypatch):
    make_run("diary", "stopped")
    asked = []
    start = runs.start
    monkeypatch.setattr(runs, "start", lambda run, device=None, more=None: asked.append(device) or start(run))
    assert lstmtui("resume", "diary", "--device", "cpu").code == 0
    assert lstmtui("resume", "diary", "--steps", "5").code == 0
    assert asked == ["cpu", None]
    refused = lstmtui("resume", "diary", "--device", "tpu")
    assert refused.code == 2
    assert "device must be one of auto, cpu, cuda" in refused.err


def test_a_finished_run_is_reported_with_the_command_that_continues_it(lstmtui, make_run):
    make_run("diary")
    said = lstmtui("resume", "diary")
    assert said.code == 0
    assert said.out.startswith("The cat")
    assert "Finished after 4 steps" in said.err
    assert "Validation: 1.5000 nats" in said.err
    assert "lstmtui resume diary --minutes 3 " in said.err
    assert fake_engine.asked_for_more == []  # no engine was started
    assert json.loads(lstmtui("resume", "diary", "--json").out)["state"] == "finished"


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (["--steps", "500"], ("steps", 500)),
        (["--minutes", "1.5"], ("minutes", 1.5)),
        (["--epochs", "2"], ("epochs", 2.0)),
    ],
)
@pytest.mark.parametrize("state", ["finished", "stopped"])
def test_further_training_is_passed_to_the_engine(lstmtui, make_run, options, more, state):
    make_run("diary", state)
    assert lstmtui("resume", "diary", *options).code == 0
    assert fake_engine.asked_for_more == [more]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "0"], "at least 1"),
        (["--steps", "1", "--minutes", "1"], "only one of"),
        (["--minutes", "x"], "a number"),
        (["--epochs=-1"], "more than 0"),
    ],
)
def test_an_invalid_amount_of_further_training_is_refused(lstmtui, make_run, options, words):
    make_run("diary")
    said = lstmtui("resume", "diary", *options)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert words in said.err
    assert fake_engine.asked_for_more == []
