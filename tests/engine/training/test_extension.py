"""Extension of a run that has ended: only the end of the schedule moves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tiny

from lstmtui import config
from lstmtui.client import runs
from lstmtui.common import schedule
from lstmtui.common.schedule import Turn
from lstmtui.engine import checkpoint, step_plan
from lstmtui.engine.step_plan import Plan
from lstmtui.engine.training import extension
from lstmtui.engine.training.extension import Extension
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.errors import UsageError
from lstmtui.runs.writer import RunWriter


def run_on(run, more=None, at=None):
    """Train `run`, interrupted before step `at`, and return the state it ends in."""
    writer = RunWriter(run, interval=60)
    trainer = Trainer(run, writer, lambda: at is not None and trainer.progress.step >= at, more=more)
    try:
        return run_to_the_end(trainer)
    finally:
        writer.close()


@pytest.fixture
def finished(tmp_path):
    run = tiny.create(tmp_path, "finished")
    assert run_on(run) == "finished"
    return run


def test_an_extension_adds_steps_to_a_finished_run(finished):
    assert run_on(finished, Extension("steps", 12)) == "finished"
    assert checkpoint.newest(finished).step == 42
    assert step_plan.stored(finished).total == 42
    assert config.load(finished.config).length.steps == 42
    steps = [m["step"] for m in tiny.lines(finished.metrics) if m["split"] == "train"]
    assert steps == [*range(4, 41, 4)]
    shortened = tiny.events(finished, "extended")[0]
    assert (shortened["step"], shortened["before"], shortened["steps"]) == (30, 30, 42)
    assert shortened["lr_before"] == pytest.approx(0.01 * 0.02)
    assert shortened["lr_before"] < shortened["lr"] < 0.02
    assert shortened["lr_end"] == pytest.approx(0.01 * 0.02)


def test_an_extended_run_equals_a_fork_with_the_longer_schedule(tmp_path):
    run = tiny.create(tmp_path, "parent", warmup=0)
    run_on(run)
    child, _ = runs.fork(run, name="child", changes={"steps": "50"})
    run_on(child)
    run_on(run, Extension("steps", 20))
    assert tiny.last_weights(run) == tiny.last_weights(child)


@pytest.mark.parametrize("at", [31, 38, 45])
def test_an_interrupted_extension_ends_in_the_same_bytes(tmp_path, finished, at):
    other = tiny.create(tmp_path, "other")
    assert run_on(other, at=20) == "stopped"
    run_on(other)
    assert run_on(other, Extension("steps", 20), at=at) == "stopped"
    assert run_on(other) == "finished"
    run_on(finished, Extension("steps", 20))
    assert tiny.last_weights(other) == tiny.last_weights(finished)


def test_a_resume_without_extension_changes_nothing(tmp_path, finished):
    before = tiny.last_weights(finished), finished.config.read_bytes(), finished.plan.read_bytes()
    assert run_on(finished) == "finished"
    assert (tiny.last_weights(finished), finished.config.read_bytes(), finished.plan.read_bytes()) == before


def test_a_run_ended_by_patience_can_be_extended(tmp_path):
    run = tiny.create(tmp_path, "early", patience=1, lr=900.0, clip=1e9, optimizer="sgd", ema=0.0, steps=200)
    assert run_on(run) == "finished"
    at = checkpoint.newest(run).step
    assert at < 200
    assert run_on(run, Extension("steps", 5)) == "finished"
    assert checkpoint.newest(run).step == at + 5


def test_the_extension_of_a_stopped_run_counts_from_its_step(tmp_path):
    run = tiny.create(tmp_path, "stopped")
    run_on(run, at=12)
    assert run_on(run, Extension("steps", 6)) == "finished"
    assert checkpoint.newest(run).step == 18


def test_epochs_and_minutes_become_steps(finished):
    windows = Trainer(finished, writer := RunWriter(finished, interval=60), lambda: False)
    windows.prepare()
    writer.close()
    assert run_on(finished, Extension("epochs", 0.5)) == "finished"
    assert checkpoint.newest(finished).step == 30 + round(0.5 * windows.task.streams.windows)
    before = checkpoint.newest(finished).step
    assert run_on(finished, Extension("minutes", 0.05)) == "finished"
    assert checkpoint.newest(finished).step > before
    settings = config.load(finished.config)
    assert settings.length.steps is None
    assert settings.length.minutes == pytest.approx(0.05, abs=0.2)


def test_an_extension_in_minutes_sets_a_time_budget(finished):
    writer = RunWriter(finished, interval=60)
    trainer = Trainer(finished, writer, lambda: False, more=Extension("minutes", 1.0))
    trainer.prepare()
    writer.close()
    assert trainer.plan.seconds == pytest.approx(60, abs=10)
    trainer.progress.step += 100
    trainer.progress.elapsed += 50.0
    assert trainer.time_budget.seconds_per_step(trainer.plan, trainer.progress) == pytest.approx(0.5)


def test_the_extension_of_a_run_without_a_step_is_its_whole_length(tmp_path):
    run = tiny.create(tmp_path, "new")
    assert run_on(run, Extension("steps", 7)) == "finished"
    assert checkpoint.newest(run).step == 7
    assert step_plan.stored(run).turns == ()


@given(
    steps=st.integers(1, 500), at=st.integers(0, 500), more=st.integers(1, 500), warmup=st.integers(0, 100),
    kind=st.sampled_from(("cosine", "constant")),
)  # fmt: skip
def test_an_extension_changes_only_later_learning_rates(steps, at, more, warmup, kind):
    at = min(at, steps)
    made = Plan(steps=steps, corpus="x")
    longer = extension.extended(made, tiny.run_settings(warmup=warmup), at, at + more)

    def lr(p, step):
        return schedule.lr_factor(step, steps=p.steps, warmup=warmup, kind=kind, end=0.01, turns=p.turns)

    assert [lr(made, step) for step in range(1, at + 1)] == [lr(longer, step) for step in range(1, at + 1)]
    rising, total = schedule.warmup_steps(warmup, steps), at + more
    for step in (at + 1, at + more // 2 + 1, total):
        if step > rising and kind == "cosine":
            done = (step - rising) / max(1, total - rising)
            assert lr(longer, step) == pytest.approx(0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def test_a_repeated_extension_at_one_step_replaces_the_first():
    s, made = tiny.run_settings(warmup=0), Plan(steps=10, corpus="x")
    assert extension.extended(extension.extended(made, s, 10, 15), s, 10, 20) == extension.extended(made, s, 10, 20)
    assert extension.extended(made, s, 10, 20).turns == (Turn(10, 0.5, 20),)


@pytest.mark.parametrize("text", ["steps=0", "minutes=0", "minutes=nan", "hours=3", "steps=x", ""])
def test_an_invalid_length_raises(text):
    with pytest.raises(UsageError):
        Extension.parse(text)
