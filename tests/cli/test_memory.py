from __future__ import annotations

import json

import pytest

from lstmtui.reports.memory_tasks import TASKS
from lstmtui.runs.listing import list_runs
from lstmtui.runs.reader import RunReader

TINY = ("--hidden", "4", "--batch", "4", "--steps", "250")


def test_without_a_test_it_lists_them(lstmtui):
    said = lstmtui("memory")
    assert said.code == 0
    listed = " ".join(said.out.split())
    for task in TASKS.values():
        assert task.title in listed
        assert task.criterion in listed
        assert task.citation in listed
    records = json.loads(lstmtui("memory", "--json").out)["tasks"]
    assert [one["task"] for one in records] == list(TASKS)
    assert records[0]["length"] == 200
    assert list_runs() == []


def test_each_trial_is_a_run_whose_result_is_known_afterwards(lstmtui):
    said = lstmtui("memory", "adding", "--cells", "rnn,gru", "-T", 4, "--lr", 0.5, *TINY)
    assert said.code == 0
    heading, names, rnn, gru, learnt, paper, citation, found, *_ = said.out.splitlines()
    assert heading == "adding problem, T = 4 (numbers in a sequence, two marked); 4 units, batch 4, lr 0.5"
    assert names.split() == ["cell", "seed", "learnt", "sequences", "time", "parameters", "found"]
    assert rnn.split()[:4] == ["rnn", "1", "no", "40"]
    assert gru.split()[0] == "gru"
    assert TASKS["adding"].criterion in learnt
    assert TASKS["adding"].paper in paper
    assert "Hochreiter" in citation
    assert "One seed each: another may come out differently." in found
    assert "[1/2] adding T=4 rnn seed 1: not learnt after 40 sequences" in said.err
    assert {run.name for run in list_runs()} == {"adding-4-rnn-s1", "adding-4-gru-s1"}
    again = lstmtui("memory", "adding", "--cells", "rnn,gru", "-T", 4, "--lr", 0.5, "--threads", 2, *TINY)
    assert again.out == said.out
    assert "2 of 2 trials are known from before" in again.err
    assert len(list_runs()) == 2
    anew = lstmtui("tasks", "adding", "--cells", "rnn", "-T", 4, "--lr", 0.5, "--again", "--json", *TINY)
    [trial] = json.loads(anew.out)["tasks"][0]["trials"]
    assert trial["run"] == "adding-4-rnn-s1-2"
    assert trial["settings"]["memory_length"] == 4
    assert (trial["steps"], trial["sequences"], trial["passed"]) == (10, 40, False)


def test_a_trial_that_was_interrupted_goes_on(lstmtui):
    options = ("memory", "adding", "--cells", "rnn", "-T", 4, *TINY)
    assert lstmtui(*options).code == 0
    [run] = list_runs()
    status = json.loads(run.status.read_text())
    run.status.write_text(json.dumps({**status, "state": "stopped", "result": None}))
    said = lstmtui(*options)
    assert said.code == 0
    assert [found.name for found in list_runs()] == [run.name]
    assert RunReader(run).refresh().state == "finished"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("addng",), "There is no task 'addng' (did you mean 'adding'?)"),
        (("adding", "--cells", "lstm,foo"), "--cells: there is no 'foo'"),
        (("adding", "--cells", ","), "--cells: give some of"),
        (("adding", "--inits", "zeros"), "--inits: there is no 'zeros' (did you mean 'zero'?)"),
        (("adding", "--hidden", "0"), "--hidden: hidden must be at least 1"),
    ],
)
def test_what_is_not_there_is_refused(lstmtui, arguments, words):
    said = lstmtui("memory", *arguments)
    assert said.code == 2
    assert words in said.err
