"""`evaluate` of a run of speech, over a fake transcriber."""

from __future__ import annotations

import json

import pytest
from support import fake_transcriber

from lstmtui import config
from lstmtui.client import transcriber
from lstmtui.common.files import write_atomically


@pytest.fixture(autouse=True)
def run(make_run, monkeypatch):
    monkeypatch.setattr(transcriber, "Transcriber", fake_transcriber.FakeTranscriber)
    fake_transcriber.asked.clear()
    made = make_run("digits")
    settings = config.load(made.config).changed(purpose="speech")
    write_atomically(made.config, config.dump(settings).encode())
    return made


def test_error_rates_are_printed_also_by_speaker(lstmtui):
    said = lstmtui("evaluate", "digits", "recordings.tsv", "--encoding", "latin-1")
    assert said.code == 0
    assert said.out.splitlines() == [
        "word error rate        12.50%   of 16 words",
        "character error rate    5.12%   of 80 characters",
        "",
        "speaker  recordings      WER      CER",
        "ann               1   25.00%   10.00%",
        "bob               2    0.00%    0.00%",
    ]
    assert "One was left out.\n" in said.err
    assert "  reference   open the door\n  transcript  open a door\n" in said.err
    assert fake_transcriber.asked == [{"files": ["recordings.tsv"], "encoding": "latin-1"}]


def test_figures_as_json(lstmtui, make_run):
    lm = make_run("words")
    found = json.loads(lstmtui("evaluate", "digits", "a", "--json", "--lm", "words", "--lm-weight", "0.2").out)
    assert (found["run"], found["wer"], found["speakers"]["ann"]["cer"]) == ("digits", 0.125, 0.1)
    assert (found["lm"], found["weight"]) == (str(lm.path), 0.2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name a folder of recordings"),
        (("-",), "Name a folder of recordings"),
        (("a", "--autocomplete"), "runs of text"),
        (("a", "--lm-weight", "1"), "name one with --lm"),
    ],
)
def test_what_does_not_fit_is_refused(lstmtui, arguments, words):
    said = lstmtui("evaluate", "digits", *arguments)
    assert (said.code, said.out) == (2, "")
    assert words in said.err
