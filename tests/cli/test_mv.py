"""`mv`."""

from __future__ import annotations

import json


def test_a_run_is_renamed(lstmtui, make_run):
    make_run("diary")
    make_run("novel")
    said = lstmtui("mv", "diary", "memoir")
    assert (said.code, said.err) == (0, "Run 'diary' is now 'memoir'.\n")
    assert lstmtui("show", "memoir").code == 0
    assert lstmtui("show", "diary").code == 2
    taken = lstmtui("mv", "memoir", "novel")
    assert (taken.code, taken.err.count("\n")) == (2, 1)
    assert "already a run 'novel'" in taken.err


def test_the_cached_tokens_follow_the_new_name(lstmtui, make_run, tmp_path):
    run = make_run("diary")
    digest = "0" * 64
    run.plan.write_text(json.dumps({"steps": 10, "corpus": digest}))
    tokens = tmp_path / "cache" / "tokens" / digest[:32]
    tokens.mkdir(parents=True)
    assert lstmtui("mv", "diary", "memoir").code == 0
    assert (tokens / "users").read_text() == f"{run.path.with_name('memoir')}\n"


def test_a_run_that_trains_is_not_renamed(lstmtui, live_run):
    said = lstmtui("mv", "live", "other")
    assert said.code == 5
    assert "already being trained" in said.err
    assert live_run.path.exists()
