"""Learning a test of memory from end to end, in the engine's process and beside it."""

from __future__ import annotations

import json

import pytest
from support import tiny

from lstmtui.data.memory_tasks import problem
from lstmtui.engine.services import memory_tasks

TINY = {
    "cell": "gru", "hidden": 8, "layers": 1, "batch": 8, "steps": 400, "lr": 0.03, "warmup": 10, "ema": 0.0,
    "schedule": "constant", "weight_decay": 0.0, "precision": "float32", "seed": 1,
}  # fmt: skip


def asked(**changes):
    return json.dumps({"task": "adding", "length": 8, "every": 50, "settings": TINY, **changes})


def test_adding_is_learnt_in_a_moment_and_the_same_each_time():
    told = []
    first = memory_tasks.answer(asked(), told.append)["result"]
    assert first["passed"]
    assert first["figure"] < 0.01
    assert first["steps"] < 400
    assert first["sequences"] == 8 * first["steps"]
    assert first["parameters"] == 3 * 8 * (2 + 8 + 1) + 8 + 8 + 1
    seen = [line for line in told if "told" in line]
    assert [line["step"] for line in seen] == list(range(50, first["steps"] + 1, 50))
    again = memory_tasks.answer(asked(), told.append)["result"]
    assert {**again, "seconds": 0} == {**first, "seconds": 0}


def test_what_is_not_learnt_is_judged_at_the_end():
    result = memory_tasks.answer(asked(settings={**TINY, "steps": 3}), lambda told: None)["result"]
    assert (result["passed"], result["steps"]) == (False, 3)
    assert "mean squared error" in result["told"]


def test_a_loss_without_end_is_a_result():
    learner = memory_tasks.Learner(problem("adding", 4), tiny.run_settings(**{**TINY, "cell": "rnn"}))
    learner.weights.flat[...] = float("nan")
    before = learner.weights.flat.tobytes()
    assert learner.step() != learner.step()  # not a number, twice
    assert learner.weights.flat.tobytes() == before
    assert learner.steps == 0


@pytest.mark.parametrize(
    ("line", "words", "code"),
    [
        (asked(length=1), "adding needs a length from 2", 2),
        (asked(settings={**TINY, "cell": "lstmm"}), "cell must be one of", 2),
        (asked(settings={**TINY, "lr": -1}), "lr must be more than 0", 2),
        ("{}", "KeyError", 1),
        ("nonsense", "JSONDecodeError", 1),
        (asked(task="none"), "KeyError", 1),
    ],
)
def test_bad_questions_are_answered_with_a_sentence(line, words, code):
    answer = memory_tasks.answer(line, lambda told: None)
    assert words in answer["error"]
    assert answer["exit_code"] == code
