"""The training loop in this process: learning, interruption, rollback, full disks, live changes."""

import dataclasses
import errno
import math
from dataclasses import replace

import numpy as np
import pytest
from support import tiny

from lstmtui.common.files import read_json
from lstmtui.common.schedule import Turn
from lstmtui.engine import checkpoint, step_plan
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.tasks.task import Regularisers
from lstmtui.engine.training.planning import costs, make_plan
from lstmtui.engine.training.time_budget import TimeBudget
from lstmtui.engine.training.trainer import Stop, Trainer, run_to_the_end
from lstmtui.errors import CorruptError, DivergedError, SaveError
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.requests import send_request, wait_for_answer
from lstmtui.runs.writer import RunWriter


class Engine:
    """A Trainer with its writer, interrupted before step `at` if given."""

    def __init__(self, run, at=None):
        self.writer = RunWriter(run, interval=60)
        self.trainer = Trainer(run, self.writer, self._interrupted)
        self._at = at

    def _interrupted(self):
        return self._at is not None and self.trainer.progress.step >= self._at

    def run(self):
        try:
            return run_to_the_end(self.trainer)
        finally:
            self.writer.close()


@pytest.fixture
def finished(tmp_path):
    """An undisturbed run, to compare with."""
    run = tiny.create(tmp_path, "undisturbed")
    assert Engine(run).run() == "finished"
    return run


def test_the_status_has_an_example_prompt_from_the_validation_text(tmp_path):
    (tmp_path / "valid.txt").write_text("cut\n宇宙洪荒日月盈昃辰宿列张\n" * 20)
    run = tiny.create(
        tmp_path, valid=(str(tmp_path / "valid.txt"),), test=(str(tiny.corpus(tmp_path)),), tokens="bytes"
    )
    engine = Engine(run, at=1)
    engine.run()
    assert read_json(run.status)["beginning"] == "宇宙洪荒日月盈昃辰宿"


@pytest.mark.parametrize(("asked", "steps", "shortened"), [(100, 30, 3), (3, 30, None), (0, 30, None), (2, 1, 1)])
def test_a_shortened_warm_up_is_reported(tmp_path, asked, steps, shortened):
    run = tiny.create(tmp_path, warmup=asked, steps=steps)
    engine = Engine(run, at=1)
    engine.run()
    found = tiny.events(run, "warm-up shortened")
    assert [(event["asked"], event["warmup"], event["steps"]) for event in found] == (
        [] if shortened is None else [(asked, shortened, steps)]
    )


def test_learns_the_text(tmp_path):
    run = tiny.create(tmp_path, steps=300, hidden=16, dropout=0.0, dropout_in=0.0, weight_drop=0.0, ema=0.0)
    engine = Engine(run)
    assert engine.run() == "finished"
    losses = [m["loss"] for m in tiny.lines(run.metrics) if m["split"] == "train"]
    assert losses[0] > 2.3
    assert losses[-1] < 1.0


def test_a_finished_run_has_its_result_metrics_samples_and_probes(finished):
    metrics = tiny.lines(finished.metrics)
    assert [m["step"] for m in metrics if m["split"] == "train"] == list(range(4, 31, 4))
    assert [m["step"] for m in metrics if m["split"] == "valid"] == [10, 20, 30]
    assert all(m["processors"] >= 0 for m in metrics if m["split"] == "train")
    samples = tiny.lines(finished.samples)
    assert [s["step"] for s in samples] == [10, 20, 30, 30]
    assert all(sum(s.get("pieces", [1] * len(s["bits"]))) == len(s["text"]) for s in samples)
    assert len(list(finished.probes.glob("saturation-*.npz"))) == 3
    with np.load(finished.probes / "window.npz") as window:
        assert window["values"].shape == (2, 4, 5, 8)
    event = tiny.events(finished, "finished")[0]
    assert event["step"] == 30
    assert math.isfinite(event["valid"])
    copied = read_json(finished.status)["copied"]
    assert (copied["step"], copied["of"]) == (30, 10)
    assert copied["text"] in tiny.text()
    assert copied["characters"] == len(copied["text"]) > 0


UNREGULARISED = {"dropout": 0.0, "dropout_in": 0.0, "weight_drop": 0.0, "weight_decay": 0.0, "ema": 0.0, "embedding": 8}
REGULARISERS = {
    "dropout": 0.3, "dropout_in": 0.3, "weight_drop": 0.3, "embedding_dropout": 0.3, "activation_reg": 5.0,
    "temporal_reg": 5.0, "weight_decay": 0.5, "ema": 0.5, "tied": True,
}  # fmt: skip


@pytest.mark.parametrize("name", REGULARISERS)
def test_each_regulariser_changes_what_is_learnt(tmp_path, name):
    found = []
    for number, changes in enumerate(({}, {name: REGULARISERS[name]})):
        settings = {**UNREGULARISED, "tied": False, "steps": 4, "sample_length": 0, **changes}
        run = tiny.create(tmp_path, f"run-{number}", **settings)
        assert Engine(run).run() == "finished"
        found.append(tiny.events(run, "finished")[0]["valid"])
    assert abs(found[0] - found[1]) > 1e-5


def test_rising_dropout_reaches_its_setting_after_its_part_of_the_run(tmp_path, monkeypatch):
    used = []
    gradient = LanguageModel.gradient

    def noted(network, x, y, drop, *rest):
        used.append((drop.inputs, drop.layers))
        return gradient(network, x, y, drop, *rest)

    run = tiny.create(tmp_path, dropout=0.4, dropout_in=0.2, dropout_rise=0.5, warmup=0, steps=20, sample_length=0)
    engine = Engine(run)
    monkeypatch.setattr(LanguageModel, "gradient", noted)
    assert engine.run() == "finished"
    inputs, layers = np.array(used[-20:]).T
    np.testing.assert_allclose(inputs, layers / 2)
    np.testing.assert_allclose(layers[[0, 5, 10, 19]], [0.04, 0.22, 0.4, 0.4], atol=0.02)
    assert np.all(np.diff(layers) >= 0)
    engine.trainer.progress.live["dropout"] = 0.3  # a live change overrides the schedule
    drop = engine.trainer.in_force.regularisers(5).dropout
    assert drop.layers == 0.3
    assert 0.0 < drop.inputs < 0.2


@pytest.mark.parametrize("at", [1, 9, 10, 19, 29])
def test_an_interrupted_and_resumed_run_ends_in_the_same_bytes(tmp_path, finished, at):
    run = tiny.create(tmp_path, "interrupted")
    assert Engine(run, at=at).run() == "stopped"
    assert checkpoint.newest(run).step == at
    assert Engine(run).run() == "finished"
    assert tiny.last_weights(run) == tiny.last_weights(finished)

    def figures(of):
        return [{k: m[k] for k in ("split", "step", "loss", "nll") if k in m} for m in tiny.lines(of.metrics)]

    assert figures(run) == figures(finished)
    assert tiny.lines(run.samples) == tiny.lines(finished.samples)


@pytest.mark.parametrize(
    "changes", [{"cell": "gru"}, {"optimizer": "sgd", "momentum": 0.9, "ema": 0.0}, {"threads": 2}]
)
def test_resume_is_exact_for_other_cells_optimizers_and_threads(tmp_path, changes):
    whole, parts = (tiny.create(tmp_path, name, **changes) for name in ("whole", "parts"))
    Engine(whole).run()
    Engine(parts, at=13).run()
    Engine(parts).run()
    assert tiny.last_weights(whole) == tiny.last_weights(parts)


def test_resuming_a_finished_run_changes_nothing(finished):
    before = tiny.last_weights(finished)
    assert Engine(finished).run() == "finished"
    assert tiny.last_weights(finished) == before


def test_patience_ends_a_run_that_no_longer_improves(tmp_path, monkeypatch):
    run = tiny.create(tmp_path, steps=200, eval_every=5, patience=2, lr=1e-9)
    engine = Engine(run)
    worsening = iter(range(100))

    from lstmtui.engine.inference import evaluate

    real = evaluate.Evaluator.run
    monkeypatch.setattr(
        evaluate.Evaluator,
        "run",
        lambda self, between=None: dataclasses.replace(real(self), nll=1.0 + next(worsening)),
    )
    assert engine.run() == "finished"
    assert engine.trainer.progress.step == 15
    assert engine.trainer.progress.best_step == 5


def test_a_nan_loss_rolls_back_with_half_the_learning_rate(tmp_path, monkeypatch):
    run = tiny.create(tmp_path)
    real, calls = LanguageModel.gradient, []

    def once_nan(self, *args):
        calls.append(1)
        return math.nan if len(calls) == 18 else real(self, *args)

    monkeypatch.setattr(LanguageModel, "gradient", once_nan)
    engine = Engine(run)
    assert engine.run() == "finished"
    assert [e["step"] for e in tiny.events(run, "diverged")] == [16]  # one call compiled
    assert tiny.events(run, "rolled back")[0]["step"] == 10
    assert engine.trainer.progress.lr_scale == 0.5
    steps = [m["step"] for m in tiny.lines(run.metrics) if m["split"] == "train"]
    assert steps == sorted(set(steps))


def test_a_run_with_persistent_nan_ends_as_diverged(tmp_path, monkeypatch):
    run = tiny.create(tmp_path)
    monkeypatch.setattr(LanguageModel, "gradient", lambda self, *args: math.inf)
    with pytest.raises(DivergedError, match="6 times"):
        Engine(run).run()
    assert len(tiny.events(run, "rolled back")) == 5


def _full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_training_continues_while_the_disk_is_full(tmp_path, monkeypatch, finished):
    run = tiny.create(tmp_path)
    real = checkpoint.save

    failed = []

    def full_at_ten(run, step, *args, **rest):
        if step == 10 and not failed:
            failed.append(step)
            _full_disk()
        return real(run, step, *args, **rest)

    monkeypatch.setattr(checkpoint, "save", full_at_ten)
    assert Engine(run).run() == "finished"
    assert tiny.events(run, "save failed")[0]["reason"] == "No space left on device"
    assert tiny.last_weights(run) == tiny.last_weights(finished)


def test_a_failed_final_save_is_reported(tmp_path, monkeypatch):
    run = tiny.create(tmp_path, eval_every=100)
    engine = Engine(run)
    engine.trainer.prepare()
    monkeypatch.setattr(checkpoint, "save", _full_disk)
    with pytest.raises(SaveError, match="resume from step 0") as failure:
        engine.run()
    assert failure.value.exit_code == 6


def test_requests_are_carried_out_answered_and_survive_a_resume(tmp_path):
    run = tiny.create(tmp_path)
    lock = EngineLock(run)
    engine = Engine(run)
    trainer = engine.trainer
    trainer.prepare()
    trainer.requests._polled_at = -math.inf
    asked = [
        send_request(run, "set", key="lr", value="0.5"),
        send_request(run, "sample"),
        send_request(run, "save"),
        send_request(run, "pause"),
        send_request(run, "continue"),
        send_request(run, "stop"),
    ]
    with pytest.raises(Stop):
        trainer.train()
    engine.writer.close()
    answers = [wait_for_answer(run, identity, timeout=0) for identity in asked]
    lock.release()
    assert all(answer is not None and answer.ok for answer in answers)
    assert "0.5" in answers[0].message
    assert trainer.progress.live == {"lr": 0.5}
    resumed = Engine(run)
    resumed.trainer.prepare()
    resumed.writer.close()
    assert resumed.trainer.in_force.value("lr") == 0.5


def test_a_changed_text_does_not_affect_a_started_run(tmp_path, finished):
    run = tiny.create(tmp_path)
    Engine(run, at=5).run()
    (tmp_path / "text.txt").write_text(tiny.text(200))
    assert Engine(run).run() == "finished"
    assert tiny.last_weights(run) == tiny.last_weights(finished)


def test_a_checkpoint_of_another_cell_raises(tmp_path):
    run, other = tiny.create(tmp_path), tiny.create(tmp_path, "other", cell="gru")
    for each in (run, other):
        Engine(each, at=5).run()
    stolen = checkpoint.list_paths(other)[0]
    (run.checkpoints / "step-00000099.safetensors").write_bytes(stolen.read_bytes())
    with pytest.raises(CorruptError, match="cell 'gru', not 'lstm'"):
        Engine(run).run()


def test_a_replanned_run_resumes_to_the_same_bytes(tmp_path, monkeypatch):
    """20 steps are planned; at step 12 the plan changes to 34."""

    def planned(task, *_, **__):
        return step_plan.Plan(steps=20, corpus=task.digest, seconds_per_step=1.0, seconds=60.0)

    monkeypatch.setattr("lstmtui.engine.training.trainer.make_plan", planned)

    def at_twelve(self, plan, p):
        return 0.1 if p.step == 12 and not plan.turns else None

    monkeypatch.setattr(TimeBudget, "seconds_per_step", at_twelve)
    monkeypatch.setattr(TimeBudget, "replan", lambda self, plan, p, *_: replace(plan, turns=(Turn(p.step, 0.25, 34),)))
    whole, parts = (tiny.create(tmp_path, name, steps=None, minutes=1.0, warmup=2) for name in ("whole", "parts"))
    assert Engine(whole).run() == "finished"
    turned = tiny.events(whole, "replanned")
    assert [(e["step"], e["steps"]) for e in turned] == [(12, 34)]
    assert read_json(whole.status)["steps"] == 34
    plan = step_plan.stored(whole)
    step_plan.store(parts, replace(plan, turns=()))
    assert Engine(parts, at=18).run() == "stopped"
    checkpoint.list_paths(parts)[0].unlink()  # so that the resume starts before the turn
    assert checkpoint.newest(parts).step == 10
    assert Engine(parts).run() == "finished"
    assert step_plan.stored(parts) == plan
    assert tiny.last_weights(parts) == tiny.last_weights(whole)


def test_the_final_evaluation_takes_at_most_a_fifth_of_the_time_budget(tmp_path):
    run = tiny.create(tmp_path, steps=None, minutes=1.0)
    engine = Engine(run)
    engine.trainer.prepare()
    task = engine.trainer.task
    tokens = len(task.data.valid.tokens)
    slow = costs(task, 1.0, per_token=60 / tokens)  # a minute for all of it
    assert (slow.final, slow.share) == (pytest.approx(13), pytest.approx(0.2))
    quick = costs(task, 1.0, per_token=6 / tokens)
    assert (quick.final, quick.share) == (pytest.approx(7), 1.0)
    engine.trainer.time_budget.step, engine.trainer.time_budget.per_token = 1.0, 60 / tokens
    engine.trainer.progress.evaluated = 0
    found = engine.trainer.finish()["valid"]
    engine.writer.close()
    assert (found["tokens"], found["whole"]) == (int(0.2 * tokens), False)


def test_at_least_half_of_the_time_budget_is_for_training(tmp_path):
    run = tiny.create(tmp_path, steps=None, minutes=1.0)
    engine = Engine(run)
    engine.trainer.prepare()
    engine.writer.close()
    plan = make_plan(engine.trainer.task, Regularisers(), spent=500.0, check=lambda: None)
    assert plan.seconds == 30
    assert plan.steps > 1


def test_minutes_become_steps_only_once(tmp_path):
    run = tiny.create(tmp_path, steps=None, minutes=0.08)
    engine = Engine(run, at=0)
    engine.trainer.prepare = lambda: None  # type: ignore[method-assign]
    trainer = Trainer(run, engine.writer, lambda: False)
    trainer.prepare()
    first = trainer.plan
    again = Trainer(run, engine.writer, lambda: False)
    again.prepare()
    engine.writer.close()
    assert first.steps > 1
    assert first.seconds_per_step
    assert again.plan == first
