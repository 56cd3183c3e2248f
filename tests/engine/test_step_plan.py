import pytest
from support import tiny

from lstmtui.common.schedule import Turn
from lstmtui.engine import step_plan
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder


def test_steps_follow_from_steps_or_epochs():
    assert step_plan.steps_for(tiny.settings("unused", steps=7), windows=10) == 7
    assert step_plan.steps_for(tiny.settings("unused", steps=None, epochs=2.5), windows=10) == 25
    assert step_plan.steps_for(tiny.settings("unused", steps=None, minutes=1), windows=10) is None


def test_steps_within_a_time_leave_room_for_evaluations():
    steps = step_plan.steps_that_fit(60, step=0.1, evaluation=1.0, eval_every=100, final=5)
    assert steps * 0.1 + steps / 100 + 5 == pytest.approx(60, abs=0.2)
    assert step_plan.steps_that_fit(1, step=0.1, evaluation=1.0, eval_every=100, final=5) == 1


def test_a_plan_is_kept(tmp_path):
    run = RunFolder(tmp_path)
    assert step_plan.stored(run) is None
    made = step_plan.Plan(steps=5, corpus="abc", seconds_per_step=0.25)
    step_plan.store(run, made)
    assert step_plan.stored(run) == made
    assert (made.total, made.ending_at(9).total) == (5, 9)
    turned = step_plan.Plan(steps=5, corpus="abc", seconds=9.5, turns=(Turn(2, 0.25, 7), Turn(4, 0.5, 20)))
    step_plan.store(run, turned)
    assert step_plan.stored(run) == turned
    assert (turned.total, turned.ending_at(9).turns) == (20, (Turn(2, 0.25, 7), Turn(4, 0.5, 9)))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"stops": 3}',
        '{"steps":',
        '{"steps": 3, "corpus": "", "turns": [[1]]}',
        "[" * 100_000,
        '{"steps": "3", "corpus": ""}',
        '{"steps": true, "corpus": ""}',
        '{"steps": 3, "corpus": 3}',
        '{"steps": 3, "corpus": "", "turns": 5}',
        '{"steps": 3, "corpus": "", "turns": [[1, "a", 2]]}',
        '{"steps": 3, "corpus": "", "seconds": "9"}',
    ],
)
def test_a_damaged_plan_is_told(tmp_path, content):
    run = RunFolder(tmp_path)
    run.plan.write_text(content)
    with pytest.raises(CorruptError, match="damaged"):
        step_plan.stored(run)


def test_measures_the_median(monkeypatch):
    now = 0.0
    waits = iter([0.01, 0.03, 0.01, 0.01])

    def act():
        nonlocal now
        now += next(waits)

    monkeypatch.setattr(step_plan.time, "perf_counter", lambda: now)
    assert step_plan.median_seconds(act, at_least=10, max_calls=3) == pytest.approx(0.01)
