from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lstmtui.reports.memory_tasks import TASKS

ANSWERS = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    s = asked["settings"]
    print(json.dumps({"compiling": "walk", "done": 0.5}), flush=True)
    print(json.dumps({"step": 100, "loss": 0.5, "told": "half way"}), flush=True)
    learnt = s["cell"] != "rnn" and s["seed"] != 13
    told = f"span {s['init_span']}"
    print(json.dumps({"result": {"passed": learnt, "figure": 0.25, "told": told, "steps": 100, "sequences": 2000,
                                 "seconds": 61.0, "parameters": 1234}}), flush=True)
"""


@pytest.fixture
def engine(monkeypatch):
    """Let a program stand where the engine's process does; return the command lines that were asked for."""
    started: list[list[str]] = []
    start = subprocess.Popen

    def answering(program: str = ANSWERS) -> list[list[str]]:
        def fake(command, **named):
            started.append(command)
            return start([sys.executable, "-c", program], **named)

        monkeypatch.setattr(subprocess, "Popen", fake)
        return started

    return answering


def test_without_a_task_it_tells_what_there_is(lstmtui, engine):
    started = engine()
    said = lstmtui("tasks")
    assert said.code == 0
    told = " ".join(said.out.split())
    for task in TASKS.values():
        assert task.title in told
        assert task.criterion in told
        assert task.citation in told
    listed = json.loads(lstmtui("tasks", "--json").out)["tasks"]
    assert [one["task"] for one in listed] == list(TASKS)
    assert listed[0]["length"] == 200
    assert started == []


def test_each_cell_beside_the_paper(lstmtui, engine):
    started = engine()
    said = lstmtui("tasks", "adding", "--cells", "rnn,gru", "-T", 50, "--lr", 0.5)
    assert said.code == 0
    assert started == [[sys.executable, "-P", "-m", "lstmtui.engine.services.memory_tasks"]]
    heading, names, rnn, gru, learnt, paper, citation, found, *_ = said.out.splitlines()
    assert heading.startswith("adding problem, T = 50 ")
    assert heading.endswith("lr 0.5")
    assert names.split() == ["cell", "seed", "learnt", "sequences", "time", "parameters", "found"]
    assert rnn.split() == ["rnn", "1", "no", "2,000", "1", "min", "01", "s", "1,234", "span", "0"]
    assert gru.split()[:3] == ["gru", "1", "yes"]
    assert TASKS["adding"].criterion in learnt
    assert TASKS["adding"].paper in paper
    assert "Hochreiter" in citation
    assert found.strip() == (
        "adding problem, T = 50: learnt by gru; not by rnn within 2,000 sequences (more might do). "
        "One seed each: another may come out differently."
    )
    assert "[1/2] adding T=50 rnn seed 1: not learnt after 2,000 sequences (1 min 01 s); span 0." in said.err


def test_ways_to_begin_and_seeds_are_tried_each(lstmtui, engine):
    engine()
    said = lstmtui("tasks", "copy", "--cells", "lstm", "--inits", "forget,chrono", "--seeds", 2, "--seed", 12, "--json")
    (task,) = json.loads(said.out)["tasks"]
    got = [(t["init"], t["seed"], t["passed"], t["told"]) for t in task["trials"]]
    assert got == [
        ("forget", 12, True, "span 0"),
        ("chrono", 12, True, f"span {task['length']}"),
        ("forget", 13, False, "span 0"),
        ("chrono", 13, False, f"span {task['length']}"),
    ]
    assert "by lstm (1 of 2 seeds) and lstm (chrono) (1 of 2 seeds) at times" in task["found"]
    assert "One seed" not in task["found"]


def test_results_are_kept_and_the_same_command_goes_on(lstmtui, engine):
    started = engine()
    lstmtui("tasks", "reber", "--cells", "lstm")
    said = lstmtui("tasks", "reber", "--cells", "lstm,gru")
    assert "1 of 2 trials are known from before" in said.err
    assert "[1/2]" not in said.err
    assert "[2/2] reber T=40 gru seed 1: learnt" in said.err
    assert len(started) == 2
    assert lstmtui("tasks", "reber", "--cells", "gru,lstm").out.count(" yes ") == 2
    assert len(started) == 2  # nothing was left to compute
    lstmtui("tasks", "reber", "--cells", "gru", "--again")
    lstmtui("tasks", "reber", "--cells", "gru", "--steps", 3)
    assert len(started) == 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["addin"], "did you mean 'adding'"),
        (["adding", "--cells", "lstmm"], "did you mean 'lstm'"),
        (["adding", "--cells", ","], "--cells: give some of"),
        (["adding", "--inits", "chron"], "did you mean 'chrono'"),
        (["adding", "--lr", "fast"], "--lr: lr must be a number"),
        (["adding", "--seed", "-1"], "seed must be at least 0"),
        (["adding", "--hidden", "0"], "hidden must be at least 1"),
        (["adding", "--threads", "none"], "threads must be a whole number"),
    ],
)
def test_bad_input_is_one_sentence(lstmtui, engine, given, words):
    started = engine()
    said = lstmtui("tasks", *given)
    assert said.code == 2
    assert words in said.err
    assert said.out == ""
    assert started == []


def test_what_the_engine_refuses_is_told_as_it_says(lstmtui, engine):
    engine("""print('{"error": "No length.", "exit_code": 2}')""")
    said = lstmtui("tasks", "adding")
    assert (said.code, said.err.strip()) == (2, "lstmtui: No length.")
    engine("pass")
    said = lstmtui("tasks", "adding")
    assert said.code == 1
    assert "ended early" in said.err
