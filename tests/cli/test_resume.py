from __future__ import annotations

import json

from lstmtui import api


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


def test_a_run_at_work_is_refused(lstmtui, live_run):
    said = lstmtui("resume", "live")
    assert said.code == 5
    assert "already training" in said.err


def test_a_damaged_run_is_refused(lstmtui, make_run):
    make_run("diary").config.write_text("format = 99\n")
    said = lstmtui("resume", "diary")
    assert said.code == 3
    assert "update lstmtui" in said.err


def test_a_stale_status_is_not_taken_for_the_end(lstmtui, behave, make_run):
    make_run("diary", "finished")
    behave("crash")
    said = lstmtui("resume", "diary")
    assert said.code == 1
    assert "died" in said.err
    assert said.out == ""


def test_resume_on_another_device(lstmtui, make_run, monkeypatch):
    make_run("diary", "stopped")
    asked = []
    start = api.start
    monkeypatch.setattr(api, "start", lambda run, device=None: asked.append(device) or start(run))
    assert lstmtui("resume", "diary", "--device", "cpu").code == 0
    assert lstmtui("resume", "diary").code == 0
    assert asked == ["cpu", None]
    refused = lstmtui("resume", "diary", "--device", "tpu")
    assert refused.code == 2
    assert "device must be one of auto, cpu, cuda" in refused.err
