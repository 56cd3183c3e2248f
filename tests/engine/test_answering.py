"""Every request gets an answer."""

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


def test_heartbeats_come_while_an_answer_takes_long(capfdbinary, monkeypatch):
    monkeypatch.setattr(answering, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo")))

    def answers(line):
        time.sleep(0.1)
        yield {"echo": line.decode().strip()}

    assert answering.answer_stdin(answers, {"ready": True}) == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line for line in lines if "working" not in line] == [{"ready": True}, {"echo": "one"}, {"echo": "two"}]
    assert lines.count({"working": True}) > 2


def test_an_overlong_line_is_one_request(monkeypatch, capfdbinary):
    monkeypatch.setattr(answering, "MAX_REQUEST_BYTES", 100)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1" * 1001 + b"\n" + b"{}\n")))
    echo = lambda line: answering.answer_request(lambda request: iter([{"echo": request}]), line)  # noqa: E731
    assert answering.answer_stdin(echo) == 0
    long, short = map(json.loads, capfdbinary.readouterr().out.splitlines())
    assert "MiB" in long["error"]
    assert short == {"echo": {}}


def test_unexpected_exceptions_become_error_answers():
    def fail(request):
        raise [RuntimeError("this"), MemoryError(), UsageError("that")][request]

    found = [next(answering.answer_request(fail, str(n).encode())) for n in range(3)]
    assert [answer["exit_code"] for answer in found] == [1, 1, 2]
    assert "RuntimeError: this" in found[0]["error"]


def operation(text: str, k: int = 1, p: float | None = None, passed: Sequence[str] = (), more: dict[str, Any] = {}):  # noqa: B006
    yield {"text": text, "k": k}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": 3}, '"text" must be a string, not 3'),
        ({"k": 1.5}, '"k" must be an integer'),
        ({"k": True}, "an integer"),
        ({"k": 1 << 63}, "an integer"),
        ({"p": "x"}, "a finite number or null"),
        ({"p": float("inf")}, "a finite number"),
        ({"passed": "the"}, "a list of strings"),
        ({"passed": ["the", 1]}, "a list of strings"),
        ({"more": []}, "an object"),
        ({"nope": 1}, "This request has no field 'nope'; its fields are text, k"),
    ],
)
def test_wrong_types_and_unknown_fields_raise(fields, words):
    with pytest.raises(UsageError) as error:
        answering.check_fields(operation, fields)
    assert words in str(error.value)


def test_lone_surrogates_are_replaced():
    given = {"text": "I \ud83d", "k": 3, "p": 1, "passed": ["\udce9"], "more": {"a": [["\ud800"]]}}
    expected = {"text": "I \ufffd", "k": 3, "p": 1, "passed": ["\ufffd"], "more": {"a": [["\ufffd"]]}}
    assert answering.check_fields(operation, given) == expected
    assert answering.check_fields(operation, {"p": None}) == {"p": None}


def test_a_request_goes_to_the_operation_it_names():
    def fail():
        raise ValueError("no")
        yield

    operations = {"first": operation, "fail": fail}
    assert list(answering.dispatch(operations, {"text": "a"}, "first")) == [{"text": "a", "k": 1}]
    assert list(answering.dispatch(operations, {"op": "first", "text": "a", "k": 2}, "fail")) == [{"text": "a", "k": 2}]
    for request, words in (([], "JSON object"), ({"op": 1}, "no operation 1"), ({"op": "fail"}, "understood (no)")):
        with pytest.raises(UsageError) as error:
            list(answering.dispatch(operations, request, "first"))
        assert words in str(error.value)
