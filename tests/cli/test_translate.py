"""`translate`, over a fake translator."""

from __future__ import annotations

import io
import json
import sys

import pytest
from support import fake_translator

from lstmtui.cli import piped
from lstmtui.client import translator

OPTIONS = {"beam": 5, "alpha": 1.0, "replace_unknown": True}
"""Of a search, where none are given."""


@pytest.fixture(autouse=True)
def run(make_run, monkeypatch):
    monkeypatch.setattr(translator, "Translator", fake_translator.FakeTranslator)
    fake_translator.asked.clear()
    return make_run("pairs")


@pytest.fixture
def pipe(monkeypatch):
    def give(data: bytes) -> None:
        stdin = io.TextIOWrapper(io.BytesIO(data))
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(piped, "is_piped", lambda: True)

    return give


def test_a_text_is_translated(lstmtui):
    said = lstmtui("translate", "pairs", "one two")
    assert (said.code, said.out, said.err) == (0, "TWO ONE\n", "")
    assert fake_translator.asked == [{"lines": ["one two"], "prefixes": None, "nbest": 1, **OPTIONS}]


def test_lines_keep_their_order_and_empty_ones_stay(lstmtui, pipe):
    pipe(b"one two\n\nthree\r\n" + b"x y\n" * 300)
    said = lstmtui("translate", "pairs")
    assert said.out == "TWO ONE\n\nTHREE\n" + "Y X\n" * 300
    assert sum(len(question["lines"]) for question in fake_translator.asked) == 302


def test_the_last_line_needs_no_end(lstmtui, pipe):
    pipe(b"one two")
    assert lstmtui("translate", "pairs", "-").out == "TWO ONE\n"


def test_lines_before_a_bad_one_are_translated(lstmtui, pipe):
    pipe(b"one two\nthree\xff\nfour\n")
    said = lstmtui("translate", "pairs")
    assert (said.code, said.out) == (2, "TWO ONE\n")
    assert "Line 2 of standard input is not UTF-8" in said.err


def test_several_translations_come_with_their_scores(lstmtui):
    said = lstmtui("translate", "pairs", "one two", "--nbest", "7", "--alpha", "0.5")
    assert said.out.splitlines()[:2] == ["-1.000\tTWO ONE", "-2.000\tTWO ONE!"]
    assert fake_translator.asked[0]["beam"] == 7  # as wide as it must be


def test_more_translations_than_the_beam_that_is_given_are_refused(lstmtui):
    said = lstmtui("translate", "pairs", "one two", "--nbest", "3", "--beam", "2")
    assert (said.code, said.out) == (2, "")
    assert "--nbest 3 needs a beam of 3 or more, and --beam is 2." in said.err


def test_unknown_words_may_stay(lstmtui):
    lstmtui("translate", "pairs", "one two", "--keep-unknown")
    assert fake_translator.asked[0]["replace_unknown"] is False


def test_an_improbable_prefix_is_said_once(lstmtui, pipe):
    pipe(b"one\n\ntwo\n")
    said = lstmtui("translate", "pairs", "--prefix", "rarely")
    assert said.out == "ONE\n\nTWO\n"
    assert said.err.count("finds the beginning 'rarely' very improbable for 2 of 2 lines;") == 1
    assert "improbable" not in lstmtui("translate", "pairs", "one", "--prefix", "often").err


def test_json_has_scores_tokens_and_alignment(lstmtui):
    found = json.loads(lstmtui("translate", "pairs", "one two", "--json").out)
    assert found["source"] == "one two"
    (best,) = found["translations"]
    assert best["target"] == ["TWO", "ONE"]
    assert best["alignment"] == [[0.0, 1.0], [1.0, 0.0]]


def test_the_alignment_is_drawn(lstmtui):
    rows = lstmtui("translate", "pairs", "one two", "--alignment").out.splitlines()
    assert "TWO   ██" in rows
    assert "ONE ██" in rows


def test_words_that_are_not_known_are_counted(lstmtui):
    said = lstmtui("translate", "pairs", "one ☃")
    assert said.out == "☃ ONE\n"
    assert "1 of 2 source tokens" in said.err


@pytest.mark.parametrize(
    ("arguments", "data", "code", "words"),
    [
        (("   ",), b"", 2, "empty text"),
        (("one", "--prefix", "never"), b"", 1, "begins with 'never'"),
        ((), b"one\ncaf\xe9\n", 2, "is not UTF-8"),
        ((), b"o\0n\0e\0\n", 2, "Line 1 of standard input has NUL bytes"),
        ((), b"\n" + b"a" * 20_001, 2, "Line 2 of standard input has 20,001 characters"),
        (("one", "--beam", "0"), b"", 2, "--beam"),
    ],
)
def test_what_cannot_be_translated_is_said_in_a_sentence(lstmtui, pipe, arguments, data, code, words):
    pipe(data)
    said = lstmtui("translate", "pairs", *arguments)
    assert said.code == code
    assert words in said.err
