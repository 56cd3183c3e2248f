"""`lstmtui compare`: what is planned, resumed, refused, and told at the end."""

from __future__ import annotations

import json

import pytest
from support.prepared_run import make_run

from lstmtui import config
from lstmtui.cli import compare as command
from lstmtui.cli import main
from lstmtui.reports import comparison
from lstmtui.reports.comparison import Group
from lstmtui.runs.folder import RunFolder

TEXT = "the cat sat on the mat. " * 200


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "diary.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def trained(monkeypatch):
    """Instead of training, finish: the names in order, and a way to interrupt."""
    done: list[str] = []

    def watch(run: RunFolder, process, before):
        if "interrupt" in done:
            done.remove("interrupt")
            return before, 130
        done.append(run.name)
        cell = config.load(run.config).network.cell
        figure = {"lstm": 1.70, "gru": 1.72, "rnn": 1.9}[cell] + 0.001 * len(done)
        result = {"valid": {"nll": 1.2, "perplexity": 3.3, "bits_per_char": figure}}
        status = {"state": "finished", "step": 10, "parameters": 1000, "result": result}
        run.status.write_text(json.dumps(status))
        return comparison.read_snapshots([run.path])[0], 0

    monkeypatch.setattr("lstmtui.client.runs.start", lambda run: None)
    monkeypatch.setattr("lstmtui.cli.follow.watch", watch)
    return done


def test_each_cell_once_and_a_table(text, tmp_path, trained, capsys):
    assert main(["compare", str(text), "--cells", "lstm,gru,rnn", "--minutes", "0.1"]) == 0
    assert trained == ["diary-cells-lstm", "diary-cells-gru", "diary-cells-rnn"]
    said = capsys.readouterr()
    assert "equal time (0.1 minutes each)" in said.err
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["lstm", "gru", "rnn"]
    assert "with one seed each" in lines[-1]
    settings = config.load(tmp_path / "runs" / "diary-cells-gru" / "config.toml")
    assert (settings.network.cell, settings.length.minutes) == ("gru", 0.1)


def test_the_purpose_is_that_of_each_run(text, tmp_path, trained):
    assert main(["compare", str(text), "--cells", "lstm,gru", "--for", "autocomplete", "--name", "g"]) == 0
    for name in ("g-lstm", "g-gru"):
        settings = config.load(tmp_path / "runs" / name / "config.toml")
        assert (settings.data.purpose, settings.network.layers) == ("autocomplete", 1)
        assert settings.data.tokens in ("words", "bpe")


def test_cells_alternate_within_seeds_and_json_has_means(text, trained, capsys):
    line = ["compare", str(text), "--cells", "lstm,rnn", "--steps", "5", "--seeds", "2", "--name", "g", "--json"]
    assert main(line) == 0
    assert trained == ["g-lstm-s1", "g-rnn-s1", "g-lstm-s2", "g-rnn-s2"]
    told = json.loads(capsys.readouterr().out)
    assert told["group"] == "g"
    assert told["budget"].startswith("equal tokens (5 steps each)")
    assert told["cells"]["lstm"]["quality"]["count"] == 2
    assert told["cells"]["lstm"]["quality"]["mean"] == pytest.approx(1.702, abs=1e-6)
    assert told["recommendation"].startswith("Take lstm")
    assert len(told["runs"]) == 4


def test_an_interrupted_comparison_continues(text, trained, capsys):
    line = ["compare", str(text), "--cells", "lstm,gru,rnn", "--minutes", "0.1", "--name", "again"]
    trained.append("interrupt")
    assert main(line) == 130
    assert "the same command continues" in capsys.readouterr().err
    assert main(line) == 0
    assert trained == ["again-lstm", "again-gru", "again-rnn"]
    assert main(line) == 0
    assert len(trained) == 3
    assert "already finished" in capsys.readouterr().err


def test_contradictory_options_are_refused(text, tmp_path, trained, capsys):
    def refused(*arguments: str) -> str:
        assert main(["compare", str(text), *arguments]) == 2
        return capsys.readouterr().err

    assert "did you mean 'lstm'" in refused("--cells", "lstn")
    assert "either --parameters" in refused("--parameters", "5000", "--hidden", "8")
    assert "no group 'nobody'" in refused("--name", "nobody", "--screen")
    main(["compare", str(text), "--cells", "lstm", "--minutes", "0.1", "--name", "taken"])
    assert "already a group 'taken'" in refused("--cells", "lstm", "--minutes", "0.2", "--name", "taken")
    make_run(tmp_path / "runs", "other-lstm")
    assert "already a run 'other-lstm'" in refused("--cells", "lstm", "--name", "other")
    comparison.store_group(tmp_path / "runs", Group("there", "b", ()))
    assert "need a terminal" in refused("--name", "there", "--screen")


def test_sizes_are_matched(text, monkeypatch):
    class Forecaster:
        def ask(self, s):
            gates, hidden = {"lstm": 4, "gru": 3, "rnn": 1}[s.network.cell], s.network.hidden
            return {"parameters": gates * (hidden**2 + 8 * hidden)}

        def close(self):
            pass

    monkeypatch.setattr("lstmtui.client.forecast.Forecaster", Forecaster)
    for cell, units in (("lstm", 46), ("gru", 54), ("rnn", 96)):
        s = config.Settings(corpus=(str(text),), cell=cell)
        assert command.matched(s, 10_000).hidden == pytest.approx(units, abs=1)
