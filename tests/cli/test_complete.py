"""`complete`, over a fake model."""

from __future__ import annotations

import json
import time

import pytest
from support import fake_model

from lstmtui.client import daemon


@pytest.fixture(autouse=True)
def run(make_run):
    return make_run("diary", top_k=7)


def test_candidates_are_ranked(lstmtui):
    said = lstmtui("complete", "diary", "The ", "-k", "2")
    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()] == [["50.0%", "word0␤"], ["25.0%", "word1␤"]]


def test_candidates_as_json(lstmtui):
    answer = json.loads(lstmtui("complete", "diary", "The ", "-k", "1", "--phrase", "--json").out)
    assert answer["candidates"] == [{"text": "word0 more\n", "probability": 0.5}]
    assert answer["milliseconds"] >= 0


def test_no_candidates(lstmtui):
    said = lstmtui("complete", "diary", "nothing")
    assert (said.code, said.out) == (0, "")
    assert said.err


@pytest.mark.parametrize("arguments", [[], ["The ", "--stdin"]])
def test_neither_or_both_of_text_and_lines_raise(lstmtui, arguments):
    said = lstmtui("complete", "diary", *arguments)
    assert said.code == 2
    assert "--stdin" in said.err


def test_lines_are_answered_bad_ones_with_an_error(start_process):
    server = start_process("complete", "diary", "--stdin", "-k", "2")
    lines = [
        '{"text": "The "}',
        '{"text": "a", "k": 1, "phrase": true}',
        "",
        "not json",
        "[" * 100_000,
        '"text"',
        "{}",
        '{"text": 3}',
        '{"text": "a", "k": 0}',
        '{"text": "a", "k": 1e9}',
        '{"text": "a", "k": true}',
        '{"text": "a", "phrase": 1}',
        '{"text": "a", "kk": 1}',
        '{"text": "explode"}',
        '{"text": "last", "k": 1}',
    ]
    out, err = server.communicate("\n".join(lines) + "\n", timeout=30)
    answers = [json.loads(line) for line in out.splitlines()]
    assert server.returncode == 0
    assert len(answers) == len(lines) - 1
    assert len(answers[0]["candidates"]) == 2
    assert answers[1]["candidates"] == [{"text": "word0 more\n", "probability": 0.5}]
    assert all(set(answer) == {"error"} for answer in answers[2:-1])
    assert "candidates" in answers[-1]
    assert "Traceback" not in err


def test_each_line_is_answered_before_the_next_is_sent(start_process):
    server = start_process("complete", "diary", "--stdin")
    assert server.stdin is not None
    assert server.stdout is not None
    for _ in range(200):
        server.stdin.write('{"text": "a"}\n')
        server.stdin.flush()
        assert "candidates" in json.loads(server.stdout.readline())
    server.stdin.close()
    assert server.wait(20) == 0


def test_a_closed_output_ends_the_server_quietly(start_process):
    server = start_process("complete", "diary", "--stdin")
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    server.stderr.readline()
    server.stdout.close()
    deadline = time.monotonic() + 20
    while server.poll() is None and time.monotonic() < deadline:
        try:
            server.stdin.write('{"text": "a"}\n')
            server.stdin.flush()
        except BrokenPipeError:
            break
    assert server.wait(20) == 141
    assert "Traceback" not in server.stderr.read()


def test_improbable_candidates_are_left_out(lstmtui):
    said = lstmtui("complete", "diary", "The ", "-k", "3", "--threshold", "0.2")
    assert [line.split()[0] for line in said.out.splitlines()] == ["50.0%", "25.0%"]
    assert lstmtui("complete", "diary", "The ", "--threshold", "0.9").out == ""


def test_plain_prints_only_the_candidates(lstmtui):
    assert lstmtui("complete", "diary", "The ", "-k", "2", "--plain").out == "word0\nword1\n"


@pytest.mark.parametrize("option", ["--warm", "--plain", "--threshold=0.5"])
def test_options_of_a_text_raise_with_lines(lstmtui, option):
    said = lstmtui("complete", "diary", "--stdin", option)
    assert said.code == 2
    assert "go with TEXT" in said.err


def test_warm_asks_a_running_daemon_and_else_starts_one(lstmtui, monkeypatch):
    begun, answer = [], {"candidates": [{"text": "at once", "probability": 0.5}]}
    monkeypatch.setattr(daemon, "ask", lambda run, question: None)
    monkeypatch.setattr(daemon, "start", lambda run: begun.append(run.name))
    assert "word0" in lstmtui("complete", "diary", "The ", "--warm").out
    assert begun == ["diary"]
    fake_model.asked.clear()
    monkeypatch.setattr(daemon, "ask", lambda run, question: dict(answer) if question["text"] == "The " else None)
    assert lstmtui("complete", "diary", "The ", "--warm").out == " 50.0%  at once\n"
    assert begun == ["diary"]
    assert fake_model.asked == []
