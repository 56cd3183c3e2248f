"""`evaluate` of a run of captions, over a fake captioner."""

from __future__ import annotations

import json

import pytest
from support import fake_captioner

from lstmtui import config
from lstmtui.client import captioner
from lstmtui.common.files import write_atomically


@pytest.fixture(autouse=True)
def run(make_run, monkeypatch):
    monkeypatch.setattr(captioner, "Captioner", fake_captioner.FakeCaptioner)
    fake_captioner.asked.clear()
    made = make_run("emoji")
    settings = config.load(made.config).changed(purpose="captions")
    write_atomically(made.config, config.dump(settings).encode())
    return made


def test_scores_are_printed(lstmtui):
    said = lstmtui("evaluate", "emoji", "captions.tsv")
    assert said.code == 0
    assert said.out.splitlines() == [
        "exact               25.00%   of 8 pictures",
        "word F1             50.00%",
        "  mean of concepts  37.50%   of 3",
        "BLEU                 12.50   tok:13a",
        "CIDEr-D               1.50",
    ]
    assert "One was left out.\n" in said.err
    assert "a.png\n  reference  a dog\n  caption    a cat\n" in said.err
    assert fake_captioner.asked == [{"files": ["captions.tsv"], "beam": 5, "encoding": ""}]


def test_vectors_in_place_of_pictures_are_named_from_any_folder(lstmtui, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lstmtui("evaluate", "emoji", "captions.tsv", "--features", "f.npy")
    assert fake_captioner.asked[0]["features"] == str(tmp_path / "f.npy")


def test_figures_as_json(lstmtui):
    found = json.loads(lstmtui("evaluate", "emoji", "a", "--json", "--beam", "2").out)
    assert (found["run"], found["f1"], found["beam"]) == ("emoji", 0.5, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), "Name a folder of pictures"), (("-",), "Name a folder"), (("a", "--dynamic"), "runs of text")],
)
def test_what_does_not_fit_is_refused(lstmtui, arguments, words):
    said = lstmtui("evaluate", "emoji", *arguments)
    assert (said.code, said.out) == (2, "")
    assert words in said.err
