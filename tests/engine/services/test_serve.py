import json
import os
import random
import shutil
import subprocess
import sys
import time

import pytest
from support import tiny

from lstmtui.client.model import Model
from lstmtui.common.files import to_json
from lstmtui.engine import answering
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.inference.sampler import Piece
from lstmtui.engine.services.serve import Service, first_line
from lstmtui.errors import CorruptError, LstmtuiError, UsageError


@pytest.fixture
def run(tmp_path):
    run = tiny.create(tmp_path)
    assert tiny.train(run) == 0
    return run


def test_one_process_answers_two_hundred_requests(run):
    requests = [json.dumps({"text": "the cat sat"[: k % 12], "k": 1 + k % 5}) for k in range(200)]
    done = subprocess.run(
        [sys.executable, "-m", "lstmtui.engine.services.serve", str(run.path)],
        input="\n".join(requests), capture_output=True, text=True, check=True,
    )  # fmt: skip
    ready, *answers = map(json.loads, done.stdout.splitlines())
    assert ready["ready"]
    assert ready["cell"] == "lstm"
    assert len(answers) == 200
    assert all(answer["milliseconds"] > 0 for answer in answers)
    assert all(len(answer["candidates"]) <= 1 + k % 5 for k, answer in enumerate(answers))


def test_a_bad_request_gets_an_error_and_the_next_one_is_read(run):
    bad = ["nonsense", "[]", '{"op": "fly"}', '{"text": 5}', '{"text": "a", "k": 0}', '{"text": "a", "more": 1}']
    bad += [
        '{"op": "sample", "temperature": 1e999}',
        '{"op": "sample", "length": "x"}',
        '{"op": "evaluate", "files": ["/none"]}',
        '{"op": []}', '{"op": null}', '{"op": {}}', '{"op": "sample", "top_k": 1e20}', '{"text": null}', "[" * 100_000,
        '{"op": "sample", "length": 1e400}', '{"op": "sample", "length": 10000000000}', '{"op": "sample", "seed": -1}',
        '{"op": "sample", "top_p": "1"}', '{"op": "sample", "temperature": NaN}', '{"text": "a", "k": true}',
        '{"text": "a", "passed": "the"}', '{"text": "a", "passed": [1]}', '{"op": "evaluate", "files": "x"}',
        '{"op": "evaluate", "files": []}', '{"op": "evaluate", "files": ["a\\u0000b"]}', '{"op": "inspect", "text": 1}',
        '{"op": "evaluate", "files": ["\\ud83d"]}', '{"op": "inspect_unit", "layer": {}, "unit": 0}',
        '{"op": "sample", "top_k": 1' + "0" * 5000 + "}", '{"op": "autocomplete", "files": ["/none"], "words": 1e9}',
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "lstmtui.engine.services.serve", str(run.path)],
        input="\n".join([*bad, '{"text": "the"}']), capture_output=True, text=True, check=True,
    )  # fmt: skip
    _, *answers = map(json.loads, done.stdout.splitlines())
    assert len(answers) == len(bad) + 1
    refused = [a.get("exit_code") == 2 and "\n" not in a["error"] for a in answers[:-1]]
    assert [(line, a) for line, a, fine in zip(bad, answers, refused, strict=False) if not fine] == []
    assert answers[-1]["candidates"]
    assert done.stderr == ""


@pytest.mark.parametrize("tokens", ["bytes", "chars", "words", "bpe"])
def test_text_that_cannot_be_encoded_is_answered_at_once(tmp_path, tokens):
    run = tiny.create(tmp_path, tokens=tokens, vocabulary=300 if tokens == "bpe" else None)
    assert tiny.train(run) == 0
    odd = os.fsdecode(bytes(tmp_path / "caf") + b"\xe9.txt")
    shutil.copy(tiny.corpus(tmp_path), odd)
    with Model(run) as model:
        model.complete("the ")
        start = time.monotonic()
        for text in ("\ud83d", "the \ud83d", "the \udce9", "\udce9", "\x00", "\U0010ffff \udfff\ud800"):
            model.complete(text)
            model.ask("sample", prompt=text, length=3)
            model.ask("inspect", text=text)
        assert time.monotonic() - start < 10
        assert model.ask("evaluate", files=[odd])["nll"] > 0
        assert model.ask("adapt", files=[odd])["words"] > 100
        with pytest.raises(UsageError, match="no file"):
            model.ask("evaluate", files=[odd + "\udce8"])


def test_a_client_completes_samples_evaluates_and_raises(run, tmp_path):
    with Model(run) as model:
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


def test_evaluation_counts_unknown_words(tmp_path):
    run = tiny.create(tmp_path, tokens="words", vocabulary=20)
    assert tiny.train(run) == 0
    other = tmp_path / "other.txt"
    other.write_text("the cat zzz qqq\n" * 10)
    answer = next(Service(load(run)).answers({"op": "evaluate", "files": [str(other)]}))
    assert answer["unknown"] == pytest.approx(20 / 49)  # of all tokens but the first, which is not predicted


def test_a_run_without_a_checkpoint_raises(tmp_path):
    run = tiny.create(tmp_path)
    with pytest.raises(UsageError, match="no checkpoint yet"):
        Model(run)


def test_a_damaged_tokenizer_raises(run):
    run.tokenizer.write_text("{}")
    with pytest.raises(CorruptError, match="tokenizer"):
        Model(run)


def test_a_dead_process_raises_and_is_not_restarted(run):
    with Model(run) as model:
        assert model.alive
        model._child._process.kill()
        for _ in range(2):
            with pytest.raises(LstmtuiError, match=r"ended"):
                model.complete("the ")
        assert not model.alive


@pytest.mark.parametrize(
    ("pieces", "started", "line"),
    [
        (["\n", "\n\nab", "c\nd"], False, "abc"),
        (["ab", "c\nd", "e\n"], True, "abc"),
        (["\nab"], True, ""),
        (["", "ab\n", "cd"], False, "ab"),
        (["abc"], False, "abc"),
    ],
)
def test_the_first_line_ends_at_its_end(pieces, started, line):
    found = first_line((Piece(piece, 1.0) for piece in pieces), started=started)
    assert "".join(piece.text for piece in found) == line


def test_a_sample_of_one_line_has_no_line_end(run):
    service = Service(load(run))
    answers = list(service.answers({"op": "sample", "length": 4000, "seed": 1, "line": True}))
    text = "".join(answer["piece"] for answer in answers[:-1])
    assert text
    assert "\n" not in text
    assert answers[-1] == {"done": True}


ODD = (None, True, -1, 0, 3, 10**400, 1.5, 1e300, "", "a", "\ud83d", [], ["a"], [1], {}, {"a": 1}, [[[]]])


def test_no_request_ends_the_service(run):
    service, draw, faults = Service(load(run)), random.Random(11), []
    names = {name: list(answering._hints(operation)) for name, operation in service._operations.items()}
    for _ in range(600):
        op = draw.choice([name for name in names if name != "gradients"])
        fields = {name: draw.choice(ODD) for name in draw.sample(names[op], draw.randrange(1 + len(names[op])))}
        if draw.random() < 0.1:
            fields["more"] = draw.choice(ODD)
        line = to_json({"op": op, **fields}).encode()
        faults += [(line, a) for a in answering.answer_request(service.answers, line) if a.get("exit_code") == 1]
    assert faults == []
    assert next(service.answers({"text": "the "}))["candidates"]


REQUESTS = 1500
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "looked", "at", "moon", "while", "dog", "zebulon", "run", "."]
WORDS += ["\ud83d", "\x00", "caf\udce9", "日本", "🙂"]


def resident_mb(pid: int) -> float:
    """Return how much memory a process has."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


@pytest.mark.parametrize("tokens", ["chars", "words"])
def test_memory_stays_flat_over_many_requests(tmp_path, tokens):
    run = tiny.create(tmp_path, tokens=tokens)
    assert tiny.train(run) == 0
    draw, sizes = random.Random(7), []
    with Model(run) as model:
        pid = model._child._process.pid
        for number in range(REQUESTS):
            text = " ".join(draw.choices(WORDS, k=draw.randrange(20)))
            try:
                if number % 100 == 17:
                    model.ask("sample", prompt=text, length=20, top_k=draw.choice([0, 3, 10**15]))
                elif number % 100 == 18:
                    model.ask("inspect", text=text)
                elif number % 10 == 3:
                    model.ask(draw.choice(["complete", "nothing", "sample"]), text=draw.choice([None, 3, [], text]))
                else:
                    model.complete(text, k=draw.randrange(1, 7), phrase=number % 5 == 0)
            except UsageError:
                pass
            if number % 250 == 249:
                sizes.append(resident_mb(pid))
    assert sizes[-1] - sizes[1] < 12, sizes


def test_two_texts_are_continued_in_turn(run):
    service = Service(load(run))

    def ask(**request):
        return next(service.answers(request))

    streams = [ask(op="generate", prompt=prompt, temperature=0, logprobs=1)["stream"] for prompt in ("the c", "a dog ")]
    texts = ["", ""]
    while min(map(len, texts)) < 20:
        for n, stream in enumerate(streams):
            for piece in ask(op="continue", stream=stream, tokens=3)["pieces"]:
                assert piece["logprob"] <= piece["top"][0][1] + 1e-9
                texts[n] += piece["text"]
    for prompt, text in zip(("the c", "a dog "), texts, strict=True):
        *pieces, _ = service.answers({"op": "sample", "prompt": prompt, "length": len(text), "temperature": 0})
        assert "".join(piece["piece"] for piece in pieces).startswith(text)
    assert ask(op="end", stream=streams[0]) == {"ended": True}
    with pytest.raises(UsageError, match="no text"):
        ask(op="continue", stream=streams[0])
