"""`sample`, over a fake model."""

from __future__ import annotations

import json

import pytest
from support import fake_model


@pytest.fixture(autouse=True)
def run(make_run):
    return make_run("diary", top_k=7)


def test_sample_uses_the_settings_of_the_run(lstmtui):
    said = lstmtui("sample", "diary", "-n", "3", "--prompt", "Once", "--seed", "5")
    assert (said.code, said.out, said.err) == (0, "Onceab\x1bab\x1bab\x1b\n", "")
    assert fake_model.asked == [
        {"op": "sample", "prompt": "Once", "length": 3, "temperature": 0.8, "top_k": 7, "top_p": 1.0, "seed": 5}
    ]


def test_sample_takes_its_text_as_an_argument(lstmtui):
    assert lstmtui("sample", "diary", "Once", "-n", "1").out == "Onceab\x1b\n"
    said = lstmtui("sample", "diary", "Once", "--prompt", "Twice")
    assert said.code == 2
    assert "once" in said.err


def test_several_samples_differ_and_are_separated(lstmtui):
    said = lstmtui("sample", "diary", "Once", "-n", "1", "--count", "3", "--seed", "5")
    assert said.out == "Onceab\x1b\n---\nOnceab\x1b\n---\nOnceab\x1b\n"
    assert [question["seed"] for question in fake_model.asked] == [5, 6, 7]
    assert not any("line" in question for question in fake_model.asked)


def test_samples_of_one_line_need_no_separator(lstmtui):
    assert lstmtui("sample", "diary", "-n", "1", "--count", "2", "--line").out == "ab\x1b\nab\x1b\n"
    assert all(question["line"] for question in fake_model.asked)


def test_samples_as_json(lstmtui):
    said = lstmtui("sample", "diary", "Once", "-n", "2", "--count", "2", "--seed", "5", "--json")
    assert [json.loads(line) for line in said.out.splitlines()] == [
        {"prompt": "Once", "text": "ab\x1bab\x1b", "seed": seed} for seed in (5, 6)
    ]


def test_surprise_in_a_pipe_is_a_token_and_its_bits_a_line(lstmtui):
    said = lstmtui("sample", "diary", "Once", "-n", "2", "--surprise")
    assert said.out.splitlines() == ['0.25\t"a"', '2.00\t"b\\u001b"', '7.50\t"\\n"']
    said = lstmtui("sample", "diary", "Once", "-n", "2", "--surprise", "--json", "--seed", "5")
    tokens = [["a", 0.25], ["b\x1b", 2.0], ["\n", 7.5]]
    assert json.loads(said.out) == {"prompt": "Once", "text": "ab\x1b\n", "seed": 5, "tokens": tokens}


def test_surprise_on_a_terminal_is_how_a_token_is_printed(lstmtui, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    said = lstmtui("sample", "diary", "Once", "-n", "2", "--surprise")
    assert said.out == "\x1b[4mOnce\x1b[0m\x1b[2ma\x1b[0mb\N{SYMBOL FOR ESCAPE}\n\n"
    assert said.err == "Bits a token: <1 dim, 1–3 plain, 3–6 bold, >6 reverse.\n"


def test_sample_is_safe_on_a_terminal(lstmtui, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "\x1b" not in lstmtui("sample", "diary", "-n", "3").out


def test_without_a_seed_every_sample_differs(lstmtui):
    lstmtui("sample", "diary", "-n", "1")
    lstmtui("sample", "diary", "-n", "1")
    assert fake_model.asked[0]["seed"] != fake_model.asked[1]["seed"]


@pytest.mark.parametrize("zero", ["0", "0.0", "-0"])
def test_temperature_zero_takes_the_most_probable_token(lstmtui, zero):
    assert lstmtui("sample", "diary", "-n", "1", "--temperature", zero).code == 0
    assert fake_model.asked[0]["top_k"] == 1
    assert fake_model.asked[0]["temperature"] == 1.0


def test_top_k_beyond_the_vocabulary_is_all_of_it(lstmtui):
    said = lstmtui("sample", "diary", "-n", "1", "--top-k", "1000000")
    assert said.code == 0
    assert "exceeds the vocabulary of 65 tokens" in said.err
    assert fake_model.asked[0]["top_k"] == 65


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--temperature", "inf"], "--temperature: temperature must be a finite number"),
        (["--temperature", "nan"], "finite"),
        (["--temperature", "-1"], "more than 0"),
        (["--temperature", "hot"], "a number"),
        (["--top-k", "-1"], "at least 0"),
        (["--top-p", "0"], "more than 0"),
        (["--top-p", "1.1"], "at most 1"),
        (["-n", "-5"], "--length: sample_length must be at least 0"),
        (["--seed", "x"], "whole number"),
    ],
)
def test_bad_sampling_options_raise(lstmtui, options, words):
    said = lstmtui("sample", "diary", *options)
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert fake_model.asked == []
