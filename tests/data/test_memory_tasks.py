"""Memory tasks: targets against independent definitions, and judges that separate right from nearly right."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from lstmtui.data import formal_languages, memory_tasks
from lstmtui.data.memory_tasks import Batch, problem
from lstmtui.errors import UsageError


def rng(seed=0):
    return np.random.default_rng(seed)


def right(batch: Batch, kind: str) -> np.ndarray:
    """Return the outputs of a perfect network."""
    if kind == "classes":
        return np.eye(16)[batch.y] if batch.y.ndim == 1 else batch.y
    return batch.y - 0.5 if kind == "sets" else batch.y


@pytest.mark.parametrize("task", memory_tasks.PROBLEMS)
def test_targets_match_the_asked_positions(task):
    p = problem(task, 14)
    batch = p.batch(rng(), 5)
    assert batch.x.shape == (*batch.asked.shape, p.inputs)
    assert batch.x.dtype == np.float32
    assert batch.asked.shape[1] == 5
    assert batch.asked.any(axis=0).all()
    shape = (batch.asked.sum(),) if p.kind == "classes" else (batch.asked.sum(), p.outputs)
    assert batch.y.shape == shape
    assert batch.y.dtype == (np.int32 if p.kind == "classes" else np.float32)
    again, other = p.batch(rng(), 5), p.batch(rng(1), 5)
    assert again.x.tobytes() == batch.x.tobytes()
    assert task.startswith("anbn") or other.x.tobytes() != batch.x.tobytes()


def test_temporal_order_sequences_have_the_documented_form():
    x, ends, y = formal_languages.temporal_order_task(rng(), 100, 200)
    assert x.shape == (110, 200)
    assert set(ends) == set(range(99, 110))
    for b, end in enumerate(ends):
        letters = "".join("abcdXYEB"[code] for code in x[: end + 1, b])
        assert letters[0] == "E"
        assert letters.index("B") == end
        assert not x[end + 1 :, b].any()
        marked = [(t, letter) for t, letter in enumerate(letters) if letter in "XY"]
        (first, one), (second, other) = marked
        assert 10 <= first <= 20
        assert 50 <= second <= 60
        assert ["XX", "XY", "YX", "YY"][y[b]] == one + other
    with pytest.raises(ValueError, match="ten"):
        formal_languages.temporal_order_task(rng(), 9, 1)
    batch = problem("order", 100).batch(rng(), 200)
    assert (batch.x[batch.asked].argmax(axis=1) == 7).all()


def observed(lines):
    """Return the set of next symbols observed after each prefix."""
    after = defaultdict(set)
    for line in lines:
        for t in range(1, len(line)):
            after[line[:t]].add(line[t])
    return after


def test_reber_follows_are_the_observed_next_symbols():
    lines = list(formal_languages.reber(random.Random(3), 6_000))
    after = observed(lines)
    for line in lines[:300]:
        follows = formal_languages.reber_follows(line)
        assert len(follows) == len(line) - 1
        for t, following in enumerate(follows):
            if t < 7:  # prefixes this short occur often enough to show all next symbols
                assert set(following) == after[line[: t + 1]]
            assert line[t + 1] in following


@pytest.mark.parametrize("line", ["", "B", "BTBTXSETX", "BTBTXSEPE", "BTBTXXETE", "BPBTXSETE", "BTBTXSETEE"])
def test_strings_outside_the_reber_grammar_raise(line):
    with pytest.raises(ValueError, match="Reber"):
        formal_languages.reber_follows(line)


@pytest.mark.parametrize(("task", "letters"), [("anbn", "ab"), ("anbncn", "abc")])
def test_counting_follows_are_the_observed_next_symbols(task, letters):
    p = problem(task, 5)
    after = observed("S" + "".join(letter * n for letter in letters) + "T" for n in range(1, 20))
    batch = p.batch(rng(), 5)
    at = 0
    answers = np.zeros((*batch.asked.shape, p.outputs))
    answers[batch.asked] = batch.y
    for b in range(5):
        codes = batch.x[batch.asked[:, b], b].argmax(axis=1)
        line = "".join(("S" + letters)[code] for code in codes)
        assert line == "S" + "".join(letter * (b + 1) for letter in letters)
        for t in range(len(line)):
            named = {s for s, there in zip(letters + "T", answers[t, b], strict=True) if there}
            assert named == after[line[: t + 1]]
            at += 1
    assert at == len(batch.y)


def test_possible_brackets_are_those_that_can_still_be_closed():
    def possible(text):
        while (shorter := text.replace("()", "").replace("[]", "")) != text:
            text = shorter
        return not set(text) & set(")]")

    p = problem("brackets", 30)
    batch = p.batch(rng(), 40)
    answers = np.zeros((*batch.asked.shape, 4))
    answers[batch.asked] = batch.y
    lengths = set()
    for b in range(40):
        line = "".join("([)]"[code] for code in batch.x[batch.asked[:, b], b].argmax(axis=1))
        lengths.add(len(line))
        for t in range(len(line)):
            named = {s for s, there in zip("([)]", answers[t, b], strict=True) if there}
            assert named == {s for s in "([)]" if possible(line[: t + 1] + s)}
    assert max(lengths) <= 30
    assert len(lengths) > 5


@pytest.mark.parametrize("task", memory_tasks.PROBLEMS)
def test_judges_pass_perfect_networks_and_fail_constant_ones(task):
    p = problem(task, 12)
    kind = "sets" if task == "reber" else p.kind  # the possible next symbols are judged as a set
    perfect = p.judge(lambda batch: right(batch, kind), rng(), whole=task not in ("anbn", "anbncn"))
    assert perfect.passed
    constant = p.judge(lambda batch: np.ones((len(batch.y), p.outputs)), rng())
    assert not constant.passed
    if task == "adding":
        assert constant.figure == pytest.approx(1 / 6, abs=0.02)
        assert perfect.figure == 0


def test_counting_is_judged_by_the_first_n_that_fails():
    p = problem("anbn", 4)
    correct_to = 17

    def answers(batch):
        lengths = np.broadcast_to(batch.asked.sum(axis=0), batch.asked.shape)[batch.asked]
        return right(batch, "sets") * np.where(lengths > 2 * correct_to + 1, -1, 1)[:, None]

    verdict = p.judge(answers, rng())
    assert (verdict.figure, verdict.passed) == (17, True)
    correct_to = 11
    assert not p.judge(answers, rng()).passed


def test_one_illegal_prediction_fails_the_grammar():
    p = problem("reber", 20)

    def answers(batch):
        given = right(batch, "sets").copy()
        given[7] = -given[7]
        return given

    verdict = p.judge(answers, rng())
    assert not verdict.passed
    assert verdict.figure < 1
    assert "100" not in verdict.description.split("%")[0]
    assert "999 of 1000" in verdict.description


def test_lengths_out_of_range_raise():
    for length in (0, 9, 10**6):
        with pytest.raises(UsageError, match=f"order needs a length from 10 .* not {length}"):
            problem("order", length)
