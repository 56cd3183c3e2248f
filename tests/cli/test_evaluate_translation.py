"""`evaluate` of a run that translates, over a fake translator."""

from __future__ import annotations

import json

import pytest
from support import fake_translator

from lstmtui import config
from lstmtui.client import translator
from lstmtui.common.files import write_atomically


@pytest.fixture(autouse=True)
def run(make_run, monkeypatch):
    monkeypatch.setattr(translator, "Translator", fake_translator.FakeTranslator)
    fake_translator.asked.clear()  # other tests of this process have asked it too
    made = make_run("pairs")
    settings = config.load(made.config).changed(purpose="translation")
    write_atomically(made.config, config.dump(settings).encode())
    return made


@pytest.fixture
def files(tmp_path):
    (tmp_path / "src").write_text("one two three four five\nsix seven eight nine\n")
    (tmp_path / "ref").write_text("FIVE FOUR THREE TWO ONE\nNINE EIGHT SEVEN SIX\n")
    return str(tmp_path / "src"), str(tmp_path / "ref")


def test_figures_are_printed_with_their_signatures(lstmtui, files):
    said = lstmtui("evaluate", "pairs", *files, "--beam", "3", "--tokenize", "none")
    assert said.code == 0
    bleu, chrf, typing = said.out.splitlines()
    assert bleu.startswith("BLEU 100.00   nrefs:1|case:mixed|eff:no|tok:none")
    assert chrf.startswith("chrF 100.00   nrefs:1")
    assert typing.startswith("keystrokes saved 80.0%")
    assert fake_translator.asked[0]["beam"] == 3


def test_figures_as_json(lstmtui, files):
    found = json.loads(lstmtui("evaluate", "pairs", *files, "--json").out)
    assert (found["lines"], found["beam"]) == (2, 5)
    assert found["typing"]["keystrokes"] == 9


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--tokenize", "words"), "--tokenize must be"), (("--autocomplete",), "runs of text")],
)
def test_options_that_do_not_fit_are_refused(lstmtui, files, options, words):
    said = lstmtui("evaluate", "pairs", *files, *options)
    assert said.code == 2
    assert words in said.err
