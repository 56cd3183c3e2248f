"""Checkpoints of a run, and its state after failures."""

from __future__ import annotations

import errno
import math
import os

import numpy as np
import pytest
from support import tiny
from support.stepwise_trainer import StepwiseTrainer

from lstmtui.common import files
from lstmtui.common.files import read_json
from lstmtui.engine import checkpoint
from lstmtui.engine.inference.sampler import Sampler
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.training.checkpointing import CheckpointManager
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.errors import DivergedError, SaveError, UnreadableError
from lstmtui.runs.writer import RunWriter


class Killed(BaseException):
    """Stands for SIGKILL where nothing after it matters."""


def train(run, prepared=lambda trainer: None):
    writer = RunWriter(run, interval=60)
    try:
        trainer = Trainer(run, writer, lambda: False)
        trainer.prepare()
        prepared(trainer)
        return run_to_the_end(trainer)
    finally:
        writer.close()


def refuse(*args, **rest):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed(*args, **rest):
    raise Killed


@pytest.fixture
def patch():
    """Patches that a test may undo without those of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def undisturbed(tmp_path):
    run = tiny.create(tmp_path, "undisturbed")
    assert train(run) == "finished"
    return run


def assert_same(run, other):
    assert tiny.last_weights(run) == tiny.last_weights(other)
    assert read_json(run.checkpoints / "best.json") == read_json(other.checkpoints / "best.json")
    assert checkpoint.best_path(run) is not None


def test_a_resume_writes_a_missing_best_json(tmp_path, undisturbed, patch):
    run = tiny.create(tmp_path)
    patch.setattr(checkpoint, "mark_best", killed)
    patch.setattr(Trainer, "save_on_failure", lambda self: None)
    with pytest.raises(Killed):
        train(run)
    patch.undo()
    assert checkpoint.best_path(run) is None
    assert train(run) == "finished"
    assert_same(run, undisturbed)


@pytest.mark.parametrize("what", ["mark_best", "write"])
def test_a_failed_save_of_the_best_step_is_retried(tmp_path, undisturbed, patch, what):
    run, real, calls = tiny.create(tmp_path), getattr(checkpoint, what), []

    def once(run, step, *rest):
        calls.append(step)
        return refuse() if calls.count(30) == 1 and step == 30 else real(run, step, *rest)

    patch.setattr(checkpoint, what, once)
    assert train(run) == "finished"
    assert_same(run, undisturbed)


def test_an_unsaved_best_step_ends_the_run_with_an_error(tmp_path, undisturbed, patch):
    run, real = tiny.create(tmp_path), checkpoint.write
    patch.setattr(checkpoint, "write", lambda run, step, *rest: refuse() if step == 30 else real(run, step, *rest))
    with pytest.raises(SaveError, match="make room"):
        train(run)
    patch.undo()
    assert train(run) == "finished"
    assert_same(run, undisturbed)


def test_no_later_step_is_saved_before_the_best(tmp_path, patch):
    run, real = tiny.create(tmp_path, save_every=1e-9, steps=19), checkpoint.write
    patch.setattr(checkpoint, "write", lambda run, step, *rest: refuse() if step == 10 else real(run, step, *rest))
    with pytest.raises(SaveError):
        train(run)
    assert checkpoint.newest(run).step == 9


@pytest.mark.parametrize("error", [UnicodeEncodeError("utf-8", "", 0, 1, ""), MemoryError(), RuntimeError()])
def test_an_unexpected_exception_loses_no_progress(tmp_path, undisturbed, patch, error):
    run = tiny.create(tmp_path)

    def fail(*args):
        raise error

    patch.setattr(Sampler, "written", fail)
    with pytest.raises(type(error)):
        train(run)
    assert checkpoint.newest(run).step == 10
    patch.undo()
    assert train(run) == "finished"
    assert_same(run, undisturbed)


def test_an_inconsistent_state_is_not_saved(tmp_path, undisturbed, patch):
    run = tiny.create(tmp_path)
    with pytest.raises(OSError, match="space"):
        train(run, lambda trainer: patch.setattr(LanguageModel, "carry", refuse))
    assert checkpoint.newest(run).step == 0
    patch.undo()
    assert train(run) == "finished"
    assert_same(run, undisturbed)


def test_an_invalid_prompt_is_answered_and_changes_nothing(tmp_path):
    steered = StepwiseTrainer(tiny.create(tmp_path))
    for value in ("caf\udce9", "\ud800"):
        done, message = steered.ask("set", "prompt", value)
        assert not done
        assert "prompt is not UTF-8 text" in message
        assert not steered.ask("sample", prompt=value)[0]
    steered.steps(10)
    steered.writer.close()


def test_a_request_that_fails_unexpectedly_is_answered(tmp_path, patch):
    steered = StepwiseTrainer(tiny.create(tmp_path))
    patch.setattr(Trainer, "sample", killed_softly)
    done, message = steered.ask("sample")
    assert (done, "failed unexpectedly" in message) == (False, True)
    steered.steps(2)
    steered.writer.close()


def killed_softly(*args, **rest):
    raise TypeError("nobody thought of this")


def poisoned(at):
    """Return a gradient that is not a number from step `at` on, until the learning rate was halved."""
    real = LanguageModel.gradient
    seen = {}

    def gradient(self, *args):
        trainer = seen["trainer"]
        bad = trainer.progress.step == at and trainer.progress.lr_scale == 1 and trainer.writer.state == "training"
        return math.nan if bad else real(self, *args)

    return gradient, lambda trainer: seen.update(trainer=trainer)


@pytest.mark.parametrize("at", [7, 10, 16, 20])
def test_the_rollback_target_does_not_depend_on_the_clock(tmp_path, patch, at):
    gradient, prepared = poisoned(at)
    ended = []
    for name, every in (("often", 1e-9), ("never", 1e6)):
        run = tiny.create(tmp_path, name, save_every=every)
        patch.setattr(LanguageModel, "gradient", LanguageModel.gradient)
        compiled = Trainer.train

        def start(self, compiled=compiled):
            prepared(self)
            patch.setattr(LanguageModel, "gradient", gradient)
            return compiled(self)

        patch.setattr(Trainer, "train", start)
        assert train(run) == "finished"
        patch.undo()
        ended.append((tiny.events(run, "rolled back")[0]["step"], tiny.last_weights(run)))
    assert ended[0] == ended[1]
    assert ended[0][0] == (at - 1) // 10 * 10


def test_a_non_finite_checkpoint_is_no_rollback_target(tmp_path, patch):
    steered = StepwiseTrainer(tiny.create(tmp_path))
    steered.steps(20)
    checkpoints, p = steered.trainer.checkpoints, steered.trainer.progress
    assert checkpoints.rollback_target(p).step == 10  # the checkpoint of step 20 would diverge again
    steered.steps(3)
    assert checkpoints.rollback_target(p).step == 20
    found = checkpoint.load(checkpoint.path_for(steered.run, 20))
    found.tensors["weights.softmax.b"][0] = math.inf
    checkpoint.write(steered.run, 20, found.tensors, found.about)
    assert checkpoints.rollback_target(p).step == 10
    patch.setattr(checkpoint.safetensors, "safe_open", refuse)
    with pytest.raises(UnreadableError):  # instead of choosing another target
        checkpoints.rollback_target(p)
    steered.writer.close()


def test_a_rollback_that_cannot_be_saved_leaves_a_resumable_run(tmp_path, patch):
    run = tiny.create(tmp_path)
    gradient, prepared = poisoned(16)

    def start(trainer):
        prepared(trainer)
        patch.setattr(LanguageModel, "gradient", gradient)
        patch.setattr(CheckpointManager, "write_back", refuse_to_go_back)

    def refuse_to_go_back(self, found, p):
        patch.setattr(files.os, "replace", refuse)
        return write_back(self, found, p)

    write_back = CheckpointManager.write_back
    with pytest.raises(SaveError, match="go back"):
        train(run, start)
    patch.undo()
    assert checkpoint.newest(run).step == 10
    assert train(run) == "finished"


@pytest.mark.parametrize("fails", ["replace", "unlink"])
def test_a_rewind_that_cannot_be_saved_changes_nothing(tmp_path, patch, fails):
    steered = StepwiseTrainer(tiny.create(tmp_path))
    steered.steps(17)
    steered.ask("save")
    before = steered.trainer.task.model.states(), len(tiny.lines(steered.run.metrics))
    patch.setattr(files.os, fails, refuse)
    done, message = steered.ask("rewind")
    patch.undo()
    assert (done, "cannot go back" in message) == (False, True)
    assert steered.trainer.progress.step == 17
    assert len(tiny.lines(steered.run.metrics)) == before[1]
    for name, state in steered.trainer.task.model.states().items():
        np.testing.assert_array_equal(state, before[0][name])
    again = StepwiseTrainer(steered.run)
    assert again.trainer.progress.step == 17
    for each in (again, steered):
        each.writer.close()


@pytest.mark.parametrize("at", ["remove_after", "truncate_to"])
def test_a_killed_rewind_loses_no_metrics_and_no_setting(tmp_path, patch, at):
    steered = StepwiseTrainer(tiny.create(tmp_path))
    steered.steps(17)
    steered.ask("set", "lr", "0.001")
    lines = tiny.lines(steered.run.metrics)
    patch.setattr(*{"remove_after": (checkpoint, at), "truncate_to": (RunWriter, at)}[at], killed)
    with pytest.raises(Killed):
        steered.ask("rewind")
    steered.writer.close()
    patch.undo()
    again = StepwiseTrainer(steered.run)
    again.writer.close()
    stands = again.trainer.progress.step
    assert stands == {"remove_after": 17, "truncate_to": 10}[at]
    assert tiny.lines(steered.run.metrics) == [line for line in lines if line["step"] <= stands]
    assert again.live["lr"] == 0.001
    assert checkpoint.best_path(steered.run) == checkpoint.path_for(steered.run, 10)


def test_a_diverged_state_is_not_saved(tmp_path, patch):
    run = tiny.create(tmp_path)
    with pytest.raises(DivergedError):
        train(run, lambda trainer: patch.setattr(LanguageModel, "gradient", lambda self, *args: math.inf))
    assert checkpoint.newest(run).step == 0
