"""What is said of trials, and what is kept of them."""

from __future__ import annotations

import dataclasses

import pytest

from lstmtui.config import INITIAL_RECURRENT
from lstmtui.data.memory_tasks import PROBLEMS, problem
from lstmtui.errors import UsageError
from lstmtui.reports import memory_tasks
from lstmtui.reports.memory_tasks import INITS, TASKS, Result, Trial


def trial(cell="lstm", *, init="forget", seed=1, task="adding", **changes):
    (one,) = memory_tasks.trials(TASKS[task], length=50, cells=[cell], inits=[init], seeds=[seed], **changes)
    return one


def result(of: Trial, passed: bool, sequences: int = 1000) -> Result:
    return Result(
        trial=of, passed=passed, figure=0.1, told="so", steps=10, sequences=sequences, seconds=1.0, parameters=9
    )


def test_every_task_can_be_made_at_its_length():
    assert set(TASKS) == set(PROBLEMS)
    for name, task in TASKS.items():
        assert problem(name, task.length).length == task.length
        assert set(task.inits) <= set(INITS)
        (one,) = memory_tasks.trials(task, length=task.length, cells=["gru"], inits=["forget"], seeds=[3])
        assert one.settings.steps % task.every == 0  # the last look is at the last step
        assert (one.settings.cell, one.settings.seed, one.settings.layers) == ("gru", 3, 1)


def test_ways_to_begin_are_settings_of_a_run():
    assert trial().settings.init_span == 0
    assert trial(init="chrono").settings.init_span == 50
    assert trial(init="zero").settings.forget_bias == 0
    assert trial(init="uniform").settings.init_recurrent in INITIAL_RECURRENT
    assert len({trial(init=init).record()["settings"]["init_span"] for init in INITS}) == 2
    assert trial(lr="0.5", hidden=None).settings.lr == 0.5
    with pytest.raises(UsageError, match="--batch: batch must be"):
        trial(batch="many")


def test_a_result_is_found_again_for_the_same_trial_only(tmp_path):
    done = result(trial(), True)
    assert memory_tasks.stored(tmp_path, trial()) is None
    memory_tasks.store(tmp_path, done)
    assert memory_tasks.stored(tmp_path, trial()) == done
    for other in (trial("gru"), trial(seed=2), trial(init="chrono"), trial(task="copy"), trial(steps=5)):
        assert memory_tasks.stored(tmp_path, other) is None
    done.trial.path(tmp_path).write_text('{"passed": true}')
    assert memory_tasks.stored(tmp_path, trial()) is None


def test_what_threads_compute_is_the_same_trial(tmp_path):
    memory_tasks.store(tmp_path, result(trial(), False))
    threaded = dataclasses.replace(trial(), settings=dataclasses.replace(trial().settings, threads=2))
    assert memory_tasks.stored(tmp_path, threaded) is not None


def test_the_sentence_tells_who_learnt_it_and_who_did_not():
    results = [result(trial(cell), cell != "rnn", 70_000 if cell == "rnn" else 9) for cell in ("rnn", "lstm", "gru")]
    assert memory_tasks.found(TASKS["adding"], results) == (
        "adding problem, T = 50: learnt by lstm and gru; not by rnn within 70,000 sequences (more "
        "might do). One seed each: another may come out differently."
    )


def test_the_sentence_tells_of_seeds_that_disagree():
    results = [result(trial(seed=seed), seed < 3) for seed in (1, 2, 3)]
    assert memory_tasks.found(TASKS["adding"], results) == "adding problem, T = 50: by lstm (2 of 3 seeds) at times."
    begun = [result(trial(init=init), init == "chrono") for init in ("forget", "chrono")]
    assert "learnt by lstm (chrono); not by lstm within" in memory_tasks.found(TASKS["adding"], begun)
    assert memory_tasks.found(TASKS["copy"], []) == "copy memory: nothing was tried."
