"""A new task is a file of its own: one that lives in the tests alone trains, resumes and is shown."""

import pytest
from support import tiny
from support.copy_task import CopyTask
from support.in_process import assert_resumes_in_the_same_bytes, train
from support.stepwise_trainer import StepwiseTrainer

from lstmtui import config
from lstmtui.client import runs
from lstmtui.engine import tasks
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader


@pytest.fixture
def create(tmp_path, monkeypatch):
    monkeypatch.setitem(tasks.TASKS, "memory", CopyTask)

    def make(name="copy", **changes):
        given = {
            "hidden": 10,
            "layers": 1,
            "batch": 8,
            "steps": 60,
            "eval_every": 20,
            "lr": 0.05,
            "ema": 0.0,
            **changes,
        }
        settings = tiny.run_settings(purpose="memory", schedule="constant", **given)
        return runs.write(settings, RunFolder(tmp_path / name))

    return make


def test_a_custom_task_trains_and_is_shown(create):
    run = create(steps=200)
    assert train(run) == "finished"
    seen = RunReader(run).refresh()
    losses = [point.value for point in seen.valid]
    assert seen.valid[-1].decides == "loss"
    assert losses[-1] < 0.5 * losses[0]
    assert seen.samples[-1].text
    assert seen.status["result"]["valid"]["loss"] == pytest.approx(min(losses), abs=1e-6)


def test_an_interrupted_run_ends_in_the_same_bytes(create):
    assert_resumes_in_the_same_bytes(create("whole"), create("parts"), 33)


def test_settings_outside_the_tasks_live_ones_cannot_be_changed(create):
    steered = StepwiseTrainer(create())
    assert steered.ask("set", "lr", "0.01")[0]
    done, message = steered.ask("set", "bptt", "9")
    steered.writer.close()
    assert not done
    assert message.startswith("set: bptt cannot be changed in a run of this kind; these can: lr, clip")
    assert config.load(steered.run.config).optimisation.lr == 0.05
