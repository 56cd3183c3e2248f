import json
import math

import pytest

from lstmtui.common.files import FormatError, to_json
from lstmtui.engine.training.progress import Interval, Progress


def test_json_round_trip_is_exact():
    p = Progress(
        step=3, seconds=0.1 + 0.2, decides="nll", best_value=1 / 3, live={"lr": 1e-3}, interval=Interval(2, 0.7, 1.3, 1)
    )
    assert Progress.from_dict(json.loads(to_json(p.as_dict()))) == p
    assert Progress.from_dict(json.loads(to_json(Progress().as_dict()))).best_value == math.inf


def test_invalid_progress_raises():
    for wrong in ({}, {"step": 1}, {**Progress().as_dict(), "interval": {"stops": 1}}):
        with pytest.raises(FormatError):
            Progress.from_dict(wrong)


def judged(p: Progress, decides: str, *figures: dict[str, float]) -> list[bool]:
    found = []
    for values in figures:
        p.step += 1
        found.append(p.judge(values, decides))
    return found


def test_the_direction_of_a_figure_decides_what_is_better():
    rising, falling = Progress(), Progress()
    points = [{"nll": nll, "f1": f1} for nll, f1 in ((1.7, 0.3), (1.6, 0.35), (1.8, 0.4), (1.9, 0.4))]
    assert judged(rising, "f1", *points) == [True, True, True, False]
    assert (rising.best_step, rising.best_value, rising.worse) == (3, 0.4, 1)
    assert judged(falling, "nll", *points) == [True, True, False, False]
    assert (falling.best_step, falling.best_value, falling.worse) == (2, 1.6, 2)
    assert not judged(Progress(), "f1", {"f1": math.nan})[0]
    assert judged(Progress(), "wer", {"wer": 0.5}, {"wer": 0.4}) == [True, True]


def test_a_checkpoint_that_does_not_name_its_figure_goes_on_with_nats():
    now = Progress(step=5, best_value=1.7, best_step=5).as_dict()
    old = {"best_nll": now["best_value"], **{k: v for k, v in now.items() if k not in ("best_value", "decides")}}
    p = Progress.from_dict(json.loads(to_json(old)))
    assert (p.best_value, p.decides) == (1.7, "")
    assert judged(p, "f1", {"nll": 1.6, "f1": 0.1}, {"nll": 1.8, "f1": 0.9}) == [True, False]
    assert p.decides == "nll"
    other = Progress.from_dict(json.loads(to_json(old)))
    assert judged(other, "loss", {"loss": 1.6}) == [True]  # a task without nats
    assert other.decides == "loss"
    fresh = Progress.from_dict(json.loads(to_json({**old, "best_nll": None, "best_step": -1})))
    assert judged(fresh, "f1", {"nll": 1.6, "f1": 0.1}) == [True]
    assert fresh.decides == "f1"
