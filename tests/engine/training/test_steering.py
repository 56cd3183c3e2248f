"""What viewers may ask of a run that trains, and forks of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support import tiny
from support.stepwise_trainer import StepwiseTrainer

from lstmtui import config
from lstmtui.client import runs
from lstmtui.engine import checkpoint
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.errors import UsageError
from lstmtui.runs.reader import RunReader
from lstmtui.runs.writer import RunWriter


@pytest.fixture
def steered(tmp_path):
    made = StepwiseTrainer(tiny.create(tmp_path))
    yield made
    made.writer.close()


def test_a_change_can_be_undone_even_after_a_resume(tmp_path, steered):
    before = steered.live["lr"]
    steered.steps(3)
    assert steered.ask("set", "lr", "0.5")[0]
    assert steered.ask("set", "dropout", "0.3")[0]
    again = StepwiseTrainer(steered.run)
    assert again.live["lr"] == 0.5
    assert again.ask("undo") == (True, "Undone: dropout is 0.1 again (it was 0.3).")
    assert again.ask("undo")[0]
    assert again.live["lr"] == before
    assert again.ask("undo") == (False, "There is no change to undo.")
    assert [e["key"] for e in tiny.events(steered.run, "set")] == ["lr", "dropout", "dropout", "lr"]
    again.writer.close()


@pytest.mark.parametrize(("key", "value"), [("lr", "-1"), ("lr", "auto"), ("dropout", "x"), ("bptt", "100000")])
def test_an_invalid_change_changes_nothing(steered, key, value):
    steered.steps(2)
    before = steered.live
    assert not steered.ask("set", key, value)[0]
    assert steered.live == before
    steered.steps(1)


@pytest.mark.parametrize("length", [2, 5, 11])
def test_a_changed_window_length_keeps_the_position_in_the_text(steered, length):
    steered.steps(9)
    old = steered.trainer.task.streams
    place = old.position(9).window * old.T
    states = {name: state.copy() for name, state in steered.trainer.task.model.states().items()}
    assert steered.ask("set", "bptt", str(length))[0]
    new = steered.trainer.task.streams
    assert length == new.T
    assert place - length < new.position(9).window * length <= place
    assert new.position(9).epoch == old.position(9).epoch
    for name, state in steered.trainer.task.model.states().items():
        np.testing.assert_array_equal(state, states[name])
    steered.steps(3)
    assert steered.trainer.progress.tokens == 9 * 15 + 3 * 3 * length
    again = StepwiseTrainer(steered.run)
    assert (again.trainer.task.streams.T, again.trainer.task.streams.shift) == (length, new.shift)
    again.writer.close()


def test_rewind_restores_the_best_step_and_keeps_live_settings(steered):
    assert steered.ask("rewind")[0] is False
    steered.steps(10)
    best = {name: tensor.copy() for name, tensor in steered.trainer.task.weights.views.items()}
    steered.steps(7)
    steered.ask("set", "lr", "0.001")
    done, message = steered.ask("rewind")
    assert done, message
    assert steered.trainer.progress.step == 10
    assert steered.live["lr"] == 0.001
    for name, tensor in steered.trainer.task.weights.views.items():
        np.testing.assert_array_equal(tensor, best[name])
    assert tiny.events(steered.run, "rewound")[0]["before"] == 17
    assert max(m["step"] for m in tiny.lines(steered.run.metrics)) <= 10
    assert [checkpoint.step_from(p) for p in checkpoint.list_paths(steered.run)] == [10, 0]
    again = StepwiseTrainer(steered.run)
    assert (again.trainer.progress.step, again.live["lr"]) == (10, 0.001)
    again.writer.close()


def test_a_sample_request_may_set_prompt_and_temperature(steered):
    steered.steps(2)
    assert steered.ask("sample", prompt="the cat", temperature=0.25)[0]
    sample = tiny.lines(steered.run.samples)[-1]
    assert (sample["prompt"], sample["temperature"]) == ("the cat", 0.25)
    assert not steered.ask("sample", temperature=-1)[0]


def test_metrics_contain_the_update_ratio(steered):
    steered.steps(8)
    ratios = [point.update_ratio for point in RunReader(steered.run).refresh().train]
    assert len(ratios) == 2
    assert all(0 < ratio < 1 for ratio in ratios)


def test_a_fork_continues_from_its_parents_checkpoint(tmp_path):
    run = tiny.create(tmp_path)
    assert run_to_the_end(Trainer(run, RunWriter(run, interval=60), lambda: False)) == "finished"
    with pytest.raises(UsageError, match="more steps"):
        runs.fork(run)
    child, step = runs.fork(run, name="child", changes={"steps": "40", "lr": "0.001"})
    assert (child.path, step) == (run.path.parent / "child", 30)
    settings = config.load(child.config)
    assert (settings.length.steps, settings.length.minutes, settings.optimisation.lr) == (40, None, 0.001)
    assert tiny.last_weights(child) == tiny.last_weights(run)
    assert tiny.events(child, "forked")[0]["parent"] == "tiny"
    assert run_to_the_end(Trainer(child, RunWriter(child, interval=60), lambda: False)) == "finished"
    steps = [m["step"] for m in tiny.lines(child.metrics) if m["split"] == "train"]
    assert steps == list(range(4, 41, 4))
    assert all(math.isfinite(m["loss"]) for m in tiny.lines(child.metrics) if m["split"] == "train")


def test_a_fork_inherits_the_best_step_if_its_checkpoint_exists(tmp_path):
    run = tiny.create(tmp_path, save_every=1e-9)
    assert run_to_the_end(Trainer(run, RunWriter(run, interval=60), lambda: False)) == "finished"
    assert checkpoint.best_path(run) == checkpoint.path_for(run, 30)
    late, _ = runs.fork(run, name="late", at="30", changes={"steps": "40"})
    assert checkpoint.best_path(late) == checkpoint.path_for(late, 30)
    checkpoint.path_for(run, 20).unlink()  # what was the best at step 29
    early, _ = runs.fork(run, name="early", at="29", changes={"steps": "31"})
    assert checkpoint.best_path(early) is None
    assert run_to_the_end(Trainer(early, RunWriter(early, interval=60), lambda: False)) == "finished"
    assert checkpoint.best_path(early) in [checkpoint.path_for(early, step) for step in (30, 31)]


def test_an_impossible_fork_raises(tmp_path):
    run = tiny.create(tmp_path)
    with pytest.raises(UsageError, match="no checkpoint yet"):
        runs.fork(run)
    run_to_the_end(Trainer(run, RunWriter(run, interval=60), lambda: False))
    with pytest.raises(UsageError, match="'hidden' cannot change in a fork"):
        runs.fork(run, changes={"hidden": "9"})
    with pytest.raises(UsageError, match="no checkpoint of step 7"):
        runs.fork(run, at="7")
    with pytest.raises(UsageError, match="already a run"):
        runs.fork(run, name="tiny")
    assert [path.name for path in run.path.parent.iterdir() if path.is_dir()] == ["tiny"]
