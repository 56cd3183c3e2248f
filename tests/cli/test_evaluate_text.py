"""`evaluate` of a run trained on text, over a fake model."""

from __future__ import annotations

import json

import pytest
from support import fake_model


@pytest.fixture(autouse=True)
def run(make_run):
    return make_run("diary", top_k=7)


def test_evaluate(lstmtui, text_file):
    said = lstmtui("evaluate", "diary", text_file)
    assert said.code == 0
    assert said.out == "1.5000 nats per token, perplexity 4.48, 2.1640 bits per character (25.0% <unk>)\n"
    assert "25.0% of it is not in the run's vocabulary" in said.err
    answer = json.loads(lstmtui("evaluate", "diary", text_file, "--json").out)
    assert answer["run"] == "diary"
    assert answer["nll"] == 1.5


def test_dynamic_evaluation_prints_both_figures(lstmtui, text_file):
    said = lstmtui("evaluate", "diary", text_file, "--dynamic", "--dynamic-lr", "0.001")
    assert said.code == 0
    assert said.out.splitlines()[0].startswith("1.5000 nats per token")
    assert said.out.splitlines()[1].startswith("dynamic: 1.2500 nats per token")
    assert "0.2500 nats per token better (rms rule, learning rate 0.001, decay 0.02, every 20 tokens)" in said.err
    assert fake_model.asked[-1]["dynamic"] == {"rule": None, "lr": 0.001, "decay": None}
    assert json.loads(lstmtui("evaluate", "diary", text_file, "--dynamic", "--json").out)["dynamic"]["nll"] == 1.25


def test_a_missing_file_raises_before_the_model_loads(lstmtui, tmp_path):
    said = lstmtui("evaluate", "diary", tmp_path / "nope.txt")
    assert said.code == 2
    assert "nope.txt" in said.err
    assert fake_model.asked == []


def test_evaluate_autocomplete(lstmtui, text_file):
    said = lstmtui("evaluate", "diary", text_file, "--autocomplete", "--apart", "--adapt", "--words", "9")
    assert said.code == 0
    lines = {line[:26].strip(): line[26:].split() for line in said.out.splitlines()}
    assert lines["saved, 1 suggestion"] == ["49.1%"] * 3
    assert lines["saved, 3 suggestions"] == ["60.2%"] * 3
    assert lines["each once, 3"] == ["60.2%"] * 3
    assert lines["precision at 0.3"] == ["-"] * 3
    assert "p50 1.2, p90 2.5, p99 10.0" in said.out
    assert fake_model.asked[0] == {
        "op": "autocomplete", "files": [str(text_file)], "apart": True, "words": 9, "threshold": 0.3, "adapt": True,
    }  # fmt: skip
    answer = json.loads(lstmtui("evaluate", "diary", text_file, "--autocomplete", "--json").out)
    assert (answer["run"], answer["words"], answer["savings"]["3"]) == ("diary", 1234, 0.602)


def test_help_defines_every_figure_of_the_report(lstmtui, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    told = " ".join(lstmtui("evaluate", "--help").out.split())
    for name in (
        "saved = ",
        "each once = ",
        "hit = ",
        "MRR = ",
        "coverage = ",
        "precision = ",
        "ghost = ",
        "latency = ",
        "one keystroke",
    ):
        assert name in told, name


@pytest.mark.parametrize("options", [["--apart"], ["--adapt"], ["--autocomplete", "--threshold", "2"]])
def test_contradictory_options_raise(lstmtui, text_file, options):
    said = lstmtui("evaluate", "diary", text_file, *options)
    assert said.code == 2
    assert fake_model.asked == []
