import json
import subprocess
import sys

import pytest
import tiny

from lstmtui import api
from lstmtui.engine.serve import Service
from lstmtui.engine.trained import load
from lstmtui.errors import CorruptError, LstmtuiError, UsageError


@pytest.fixture
def run(tmp_path):
    run = tiny.create(tmp_path)
    assert tiny.train(run) == 0
    return run


def test_two_hundred_questions_in_one_process(run):
    questions = [json.dumps({"text": "the cat sat"[: k % 12], "k": 1 + k % 5}) for k in range(200)]
    done = subprocess.run(
        [sys.executable, "-m", "lstmtui.engine.serve", str(run.path)],
        input="\n".join(questions), capture_output=True, text=True, check=True,
    )  # fmt: skip
    ready, *answers = map(json.loads, done.stdout.splitlines())
    assert ready["ready"]
    assert ready["cell"] == "lstm"
    assert len(answers) == 200
    assert all(answer["milliseconds"] > 0 for answer in answers)
    assert all(len(answer["candidates"]) <= 1 + k % 5 for k, answer in enumerate(answers))


def test_a_bad_question_gets_an_error_and_the_next_one_is_read(run):
    bad = ["nonsense", "[]", '{"op": "fly"}', '{"text": 5}', '{"text": "a", "k": 0}', '{"text": "a", "more": 1}']
    bad += [
        '{"op": "sample", "temperature": 1e999}',
        '{"op": "sample", "length": "x"}',
        '{"op": "evaluate", "files": ["/none"]}',
    ]
    done = subprocess.run(
        [sys.executable, "-m", "lstmtui.engine.serve", str(run.path)],
        input="\n".join([*bad, '{"text": "the"}']), capture_output=True, text=True, check=True,
    )  # fmt: skip
    _, *answers = map(json.loads, done.stdout.splitlines())
    assert len(answers) == len(bad) + 1
    assert all("error" in a and a["exit_code"] == 2 and "\n" not in a["error"] for a in answers[:-1])
    assert answers[-1]["candidates"]
    assert done.stderr == ""


def test_the_door_asks_samples_and_raises(run, tmp_path):
    with api.Model(run) as model:
        assert model.about["hidden"] == 8
        assert len(model.complete("the ", k=2)) <= 2
        pieces = []
        model.ask("sample", pieces.append, length=7, seed=1)
        assert len("".join(pieces)) == 7
        found = model.ask("evaluate", files=[str(tiny.corpus(tmp_path))])
        assert 0 < found["nll"] < 5
        with pytest.raises(UsageError, match="temperature"):
            model.ask("sample", temperature=-1)
        assert model.complete("a")


def test_evaluation_counts_what_the_vocabulary_lacks(tmp_path):
    run = tiny.create(tmp_path, tokens="words", vocabulary=20)
    assert tiny.train(run) == 0
    other = tmp_path / "other.txt"
    other.write_text("the cat zzz qqq\n" * 10)
    answer = next(Service(load(run)).answers({"op": "evaluate", "files": [str(other)]}))
    assert answer["unknown"] == pytest.approx(20 / 49)  # of all tokens but the first, which is not predicted


def test_a_run_without_a_checkpoint_says_what_to_do(tmp_path):
    run = tiny.create(tmp_path)
    with pytest.raises(UsageError, match="no checkpoint yet"):
        api.Model(run)


def test_a_damaged_tokenizer_is_told(run):
    run.tokenizer.write_text("{}")
    with pytest.raises(CorruptError, match="tokenizer"):
        api.Model(run)


def test_a_process_that_died_is_told_and_does_not_come_back(run):
    with api.Model(run) as model:
        assert model.alive
        model._process.kill()
        for _ in range(2):
            with pytest.raises(LstmtuiError, match=r"ended"):
                model.complete("the ")
        assert not model.alive
