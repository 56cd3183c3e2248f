"""Trials of memory tasks: settings, runs, results and summaries."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstmtui.client import runs
from lstmtui.config import INITIAL_RECURRENT
from lstmtui.data.memory_tasks import PROBLEMS, problem
from lstmtui.errors import UsageError
from lstmtui.reports import memory_tasks
from lstmtui.reports.memory_tasks import INITS, TASKS, Result, Trial
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import RunSnapshot


def trial(cell="lstm", *, init="forget", seed=1, task="adding", **changes):
    (single,) = memory_tasks.trials(TASKS[task], length=50, cells=[cell], inits=[init], seeds=[seed], **changes)
    return single


def result(of: Trial, passed: bool, sequences: int = 1000) -> Result:
    return Result(
        trial=of,
        run="x",
        passed=passed,
        figure=0.1,
        verdict="so",
        steps=10,
        sequences=sequences,
        seconds=1.0,
        parameters=9,
    )


def test_every_task_has_a_problem_of_its_length():
    assert set(TASKS) == set(PROBLEMS)
    for name, task in TASKS.items():
        assert problem(name, task.length).length == task.length
        assert set(task.inits) <= set(INITS)
        (single,) = memory_tasks.trials(task, length=task.length, cells=["gru"], inits=["forget"], seeds=[3])
        assert single.settings.length.steps % task.every == 0  # the last step is evaluated
        assert (single.settings.network.cell, single.settings.run.seed, single.settings.network.layers) == ("gru", 3, 1)


def test_initialisations_are_settings_of_a_run():
    assert trial().settings.network.init_span == 0
    assert trial(init="chrono").settings.network.init_span == 50
    assert trial(init="zero").settings.network.forget_bias == 0
    assert trial(init="uniform").settings.network.init_recurrent in INITIAL_RECURRENT
    assert len({trial(init=init).settings.network.init_span for init in INITS}) == 2
    assert trial(lr="0.5", hidden=None).settings.optimisation.lr == 0.5
    with pytest.raises(UsageError, match="--batch: batch must be"):
        trial(batch="many")


def find(root, wanted):
    return memory_tasks.find_runs(root, [wanted]).get(wanted)


def write(root, trial, name):
    return runs.write(trial.settings, RunFolder(root / name))


def test_find_returns_the_run_with_the_same_settings_only(tmp_path):
    assert find(tmp_path, trial()) is None
    run = write(tmp_path, trial(), "adding-50-lstm-s1")
    write(tmp_path, trial(), "another")
    assert find(tmp_path, trial()) == run
    for other in (trial("gru"), trial(seed=2), trial(init="chrono"), trial(task="copy"), trial(steps="5")):
        assert find(tmp_path, other) is None
    run.config.write_text("")
    assert find(tmp_path, trial()) is None


def test_threads_do_not_distinguish_trials(tmp_path):
    run = write(tmp_path, trial(), "adding-1")
    assert find(tmp_path, trial(threads="2")) == run


def test_run_names_contain_task_length_cell_init_and_seed():
    assert trial().run_name == "adding-50-lstm-s1"
    assert trial("slstm", init="chrono", seed=3).run_name == "adding-50-slstm-chrono-s3"


def test_only_finished_and_diverged_runs_have_a_result():
    done = {"passed": True, "figure": 0.25, "verdict": "all right"}
    status = {"step": 10, "seconds": 2.5, "parameters": 9, "result": done}
    folder = RunFolder(Path("x"))
    finished = memory_tasks.result(trial(), RunSnapshot(run=folder, state="finished", status=status))
    assert (finished.passed, finished.figure, finished.verdict) == (True, 0.25, "all right")
    assert (finished.steps, finished.sequences, finished.seconds, finished.parameters) == (10, 200, 2.5, 9)
    assert memory_tasks.result(trial(), RunSnapshot(run=folder, state="stopped", status=status)) is None
    assert memory_tasks.result(trial(), RunSnapshot(run=folder, state="finished", status={})) is None
    diverged = memory_tasks.result(trial(), RunSnapshot(run=folder, state="diverged", message="It diverged."))
    assert (diverged.passed, diverged.figure, diverged.verdict) == (False, None, "It diverged.")


def test_the_summary_lists_cells_that_learnt_and_cells_that_did_not():
    results = [result(trial(cell), cell != "rnn", 70_000 if cell == "rnn" else 9) for cell in ("rnn", "lstm", "gru")]
    assert memory_tasks.summary(TASKS["adding"], results) == (
        "adding problem, T = 50: learnt by lstm and gru; not by rnn within 70,000 sequences (more "
        "training may succeed). One seed each: other seeds may differ."
    )


def test_the_summary_counts_seeds_that_differ():
    results = [result(trial(seed=seed), seed < 3) for seed in (1, 2, 3)]
    assert memory_tasks.summary(TASKS["adding"], results) == "adding problem, T = 50: sometimes by lstm (2 of 3 seeds)."
    by_init = [result(trial(init=init), init == "chrono") for init in ("forget", "chrono")]
    assert "learnt by lstm (chrono); not by lstm within" in memory_tasks.summary(TASKS["adding"], by_init)
    assert memory_tasks.summary(TASKS["copy"], []) == "copy memory: no trials."
