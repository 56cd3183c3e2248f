import pytest
from support.in_process import assert_resumes_in_the_same_bytes, train
from support.stepwise_trainer import StepwiseTrainer

from lstmtui.client import runs
from lstmtui.data.memory_tasks import Adding, Verdict
from lstmtui.reports import memory_tasks
from lstmtui.reports.memory_tasks import TASKS
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.probes import read_saturation, read_window
from lstmtui.runs.reader import RunReader


@pytest.fixture
def create(tmp_path):
    def make(task="adding", *, name="trial", length=4, cell="rnn", **changes):
        given = {"hidden": "5", "batch": "6", "steps": "40", **changes}
        [trial] = memory_tasks.trials(TASKS[task], length=length, cells=[cell], inits=["forget"], seeds=[1], **given)
        settings = trial.settings.changed(eval_every=10, log_every=5)
        return runs.write(settings, RunFolder(tmp_path / name))

    return make


@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_evaluates_samples_and_writes_probes(create, task):
    run = create(task, steps="10", length=12)
    assert train(run) == "finished"
    seen = RunReader(run).refresh()
    assert seen.step == 10
    assert set(seen.valid[-1].figures) == {"loss", "figure"}
    right, answered = seen.samples[-1].text.splitlines()
    assert right.startswith("right ")
    assert answered.startswith("answered ")
    result = seen.status["result"]
    assert result["sequences"] == 60
    assert isinstance(result["verdict"], str)
    assert read_saturation(run)[-1].left.shape == (1, 1, 5)
    assert read_window(run)["values"].shape[0] == 1


def test_a_run_ends_when_the_task_is_learnt_with_these_weights_as_the_best(create, monkeypatch):
    judged = []

    def judge(self, answers, rng, *, whole=True):
        judged.append(whole)
        return Verdict(len(judged) >= 4, 0.5, "stub")  # the second evaluation, then all sequences

    monkeypatch.setattr(Adding, "judge", judge)
    run = create(steps="60")
    judged.append(False)  # the call during compilation
    assert train(run) == "finished"
    seen = RunReader(run).refresh()
    assert seen.step == 20
    assert seen.valid[-1].best
    assert judged[-3:] == [False, True, True]
    assert seen.status["result"]["passed"] is True
    assert seen.status["result"]["best_step"] == 20


@pytest.mark.parametrize("at", [7, 25])
def test_an_interrupted_run_ends_in_the_same_bytes(create, at):
    whole, parts = create("reber", name="whole", length=12), create("reber", name="parts", length=12)
    assert_resumes_in_the_same_bytes(whole, parts, at)


def test_requests_work_but_sampling_settings_cannot_change(create):
    steered = StepwiseTrainer(create())
    steered.steps(10)
    assert steered.ask("set", "lr", "0.001") == (True, "lr is now 0.001 (it was 0.01).")
    assert steered.ask("sample")[0]
    assert steered.ask("rewind")[0]
    done, message = steered.ask("set", "temperature", "1")
    steered.writer.close()
    assert not done
    assert "cannot be changed in a run of this kind" in message
