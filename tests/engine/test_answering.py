"""The engine's side of a conversation: whatever is asked gets an answer."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest

from lstmtui.engine import answering
from lstmtui.errors import UsageError


def test_a_sign_of_life_comes_while_an_answer_takes_long(capfdbinary, monkeypatch):
    monkeypatch.setattr(answering, "SIGN_EVERY", 0.02)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo")))

    def answers(line):
        time.sleep(0.1)
        yield {"heard": line.decode().strip()}

    assert answering.answer_lines(answers, {"ready": True}) == 0
    said = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line for line in said if "working" not in line] == [{"ready": True}, {"heard": "one"}, {"heard": "two"}]
    assert said.count({"working": True}) > 2


def test_a_line_without_end_is_one_question(monkeypatch, capfdbinary):
    monkeypatch.setattr(answering, "MAX_QUESTION", 100)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1" * 1001 + b"\n" + b"{}\n")))
    heard = lambda line: answering.answered(lambda question: iter([{"heard": question}]), line)  # noqa: E731
    assert answering.answer_lines(heard) == 0
    long, short = map(json.loads, capfdbinary.readouterr().out.splitlines())
    assert "MiB" in long["error"]
    assert short == {"heard": {}}


def test_a_fault_of_ours_is_an_answer():
    def fails(question):
        raise [RuntimeError("this"), MemoryError(), UsageError("that")][question]

    found = [next(answering.answered(fails, str(n).encode())) for n in range(3)]
    assert [answer["exit_code"] for answer in found] == [1, 1, 2]
    assert "RuntimeError: this" in found[0]["error"]


def operation(text: str, k: int = 1, p: float | None = None, passed: Sequence[str] = (), more: dict[str, Any] = {}):  # noqa: B006
    yield {}


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"text": 3}, '"text" must be a text, not 3'),
        ({"k": 1.5}, '"k" must be a whole number'),
        ({"k": True}, "a whole number"),
        ({"k": 1 << 63}, "a whole number"),
        ({"p": "x"}, "a finite number or null"),
        ({"p": float("inf")}, "a finite number"),
        ({"passed": "the"}, "a list of texts"),
        ({"passed": ["the", 1]}, "a list of texts"),
        ({"more": []}, "an object"),
        ({"nope": 1}, "There is no 'nope' in this question; it takes text, k"),
    ],
)
def test_a_value_of_a_wrong_type_is_told(details, words):
    with pytest.raises(UsageError) as error:
        answering.checked(operation, details)
    assert words in str(error.value)


def test_values_of_the_right_types_are_taken_and_made_encodable():
    given = {"text": "I \ud83d", "k": 3, "p": 1, "passed": ["\udce9"], "more": {"a": [["\ud800"]]}}
    made = {"text": "I \ufffd", "k": 3, "p": 1, "passed": ["\ufffd"], "more": {"a": [["\ufffd"]]}}
    assert answering.checked(operation, given) == made
    assert answering.checked(operation, {"p": None}) == {"p": None}
