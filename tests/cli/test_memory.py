from __future__ import annotations

import json

import pytest

from lstmtui.reports.memory_tasks import TASKS
from lstmtui.runs.listing import list_runs
from lstmtui.runs.reader import RunReader

TINY = ("--hidden", "4", "--batch", "4", "--steps", "250")


def test_without_arguments_it_lists_the_tasks(lstmtui):
    result = lstmtui("memory")
    assert result.code == 0
    listed = " ".join(result.out.split())
    for task in TASKS.values():
        assert task.title in listed
        assert task.criterion in listed
        assert task.citation in listed
    records = json.loads(lstmtui("memory", "--json").out)["tasks"]
    assert [record["task"] for record in records] == list(TASKS)
    assert records[0]["length"] == 200
    assert list_runs() == []


def test_each_trial_is_a_run_whose_result_is_reused(lstmtui):
    result = lstmtui("memory", "adding", "--cells", "rnn,gru", "-T", 4, "--lr", 0.5, *TINY)
    assert result.code == 0
    heading, names, rnn, gru, learnt, paper, citation, summary, *_ = result.out.splitlines()
    assert heading == "adding problem, T = 4 (numbers in a sequence, two marked); 4 units, batch 4, lr 0.5"
    assert names.split() == ["cell", "seed", "learnt", "sequences", "time", "parameters", "result"]
    assert rnn.split()[:4] == ["rnn", "1", "no", "40"]
    assert gru.split()[0] == "gru"
    assert TASKS["adding"].criterion in learnt
    assert TASKS["adding"].paper in paper
    assert "Hochreiter" in citation
    assert "One seed each: other seeds may differ." in summary
    assert "[1/2] adding T=4 rnn seed 1: not learnt after 40 sequences" in result.err
    assert {run.name for run in list_runs()} == {"adding-4-rnn-s1", "adding-4-gru-s1"}
    again = lstmtui("memory", "adding", "--cells", "rnn,gru", "-T", 4, "--lr", 0.5, "--threads", 2, *TINY)
    assert again.out == result.out
    assert "2 of 2 trials already have a result" in again.err
    assert len(list_runs()) == 2
    repeated = lstmtui("tasks", "adding", "--cells", "rnn", "-T", 4, "--lr", 0.5, "--again", "--json", *TINY)
    [trial] = json.loads(repeated.out)["tasks"][0]["trials"]
    assert trial["run"] == "adding-4-rnn-s1-2"
    assert trial["settings"]["memory_length"] == 4
    assert (trial["steps"], trial["sequences"], trial["passed"]) == (10, 40, False)


def test_an_interrupted_trial_continues(lstmtui):
    options = ("memory", "adding", "--cells", "rnn", "-T", 4, *TINY)
    assert lstmtui(*options).code == 0
    [run] = list_runs()
    status = json.loads(run.status.read_text())
    run.status.write_text(json.dumps({**status, "state": "stopped", "result": None}))
    result = lstmtui(*options)
    assert result.code == 0
    assert [found.name for found in list_runs()] == [run.name]
    assert RunReader(run).refresh().state == "finished"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("addng",), "There is no task 'addng' (did you mean 'adding'?)"),
        (("adding", "--cells", "lstm,foo"), "--cells: there is no 'foo'"),
        (("adding", "--cells", ","), "--cells: choose from"),
        (("adding", "--inits", "zeros"), "--inits: there is no 'zeros' (did you mean 'zero'?)"),
        (("adding", "--hidden", "0"), "--hidden: hidden must be at least 1"),
    ],
)
def test_unknown_names_and_invalid_values_are_errors(lstmtui, arguments, message):
    result = lstmtui("memory", *arguments)
    assert result.code == 2
    assert message in result.err
