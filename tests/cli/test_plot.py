"""`lstmtui plot`: charts as text, CSV, and PNG where Matplotlib is there."""

from __future__ import annotations

import csv
import importlib
import types

import pytest
from support.fake_inspector import flow, measured
from support.prepared_run import make_run

from lstmtui.cli import main


@pytest.fixture
def run(tmp_path):
    return measured(make_run(tmp_path / "runs", "diary", state="finished"), flow(100), flow(900))


@pytest.fixture
def without_matplotlib(monkeypatch):
    imported = importlib.import_module

    def refuse(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(importlib, "import_module", refuse)


def test_charts_are_drawn_in_the_terminal(run, capsys):
    assert main(["plot", "diary"]) == 0
    drawn = capsys.readouterr().out
    assert "Loss of diary: nats per character by step" in drawn
    assert "1 training  2 validation" in drawn
    assert "Gradient flow at step 900 of diary" in drawn
    assert "3 dL/dc of layer 1" in drawn
    assert "Gate saturation of diary: part of all values below 0.1 (tanh: -0.9) or above 0.9 by step" in drawn
    assert drawn.count("┤") > 8


def test_one_chart_by_name_and_an_unknown_one(run, capsys):
    assert main(["plot", "diary", "--chart", "gradients"]) == 0
    assert "Loss" not in capsys.readouterr().out
    assert main(["plot", "diary", "--chart", "pie"]) == 2
    assert "loss, gradients, saturation" in capsys.readouterr().err


def test_csv_has_every_figure(run, tmp_path, capsys, without_matplotlib):
    to = tmp_path / "charts"
    assert main(["plot", "diary", "--to", str(to)]) == 0
    said = capsys.readouterr()
    assert [line.rsplit("/", 1)[-1] for line in said.out.split()] == ["loss.csv", "gradients.csv", "saturation.csv"]
    assert "pip install 'lstmtui[plot]'" in said.err
    rows = list(csv.DictReader((to / "loss.csv").open()))
    assert sum(row["split"] == "train" for row in rows) == 124
    assert rows[-1]["split"] == "valid"
    assert float(rows[-1]["bits_per_char"]) > 1
    assert rows[-1]["lr"] == ""
    norms = list(csv.DictReader((to / "gradients.csv").open()))
    assert len(norms) == 2 * 2 * 2 * 60  # measurements, states, layers, lags
    assert float(norms[0]["norm"]) == pytest.approx(0.1)
    gates = list(csv.DictReader((to / "saturation.csv").open()))
    assert {row["gate"] for row in gates} == {"i", "f", "g", "o"}


def test_png_through_matplotlib(run, tmp_path, monkeypatch, capsys):
    """A figure that notes what it is asked; the real one is tried by hand, being an extra."""
    calls = []

    class Axes:
        def __getattr__(self, name):
            return self if name in ("xaxis", "yaxis") else lambda *a, **k: calls.append((name, a, k))

    class Figure:
        def __init__(self, **options):
            pass

        def subplots(self):
            return Axes()

        def savefig(self, path):
            path.write_bytes(b"PNG")

    imported = importlib.import_module
    there = types.SimpleNamespace(Figure=Figure)
    monkeypatch.setattr(
        importlib, "import_module", lambda name, *rest: there if name == "matplotlib.figure" else imported(name, *rest)
    )
    assert main(["plot", "diary", "--to", str(tmp_path), "--chart", "loss"]) == 0
    assert (tmp_path / "loss.png").read_bytes() == b"PNG"
    assert [k["label"] for name, _, k in calls if name == "plot"] == ["training", "validation"]
    assert ("set_yscale", ("log",), {}) in calls


def test_a_run_without_points_and_a_folder_that_cannot_be_written(tmp_path, capsys):
    make_run(tmp_path / "runs", "new", state=None)
    assert main(["plot", "new"]) == 0
    assert "No data yet" in capsys.readouterr().out
    (tmp_path / "file").write_text("")
    assert main(["plot", "new", "--to", str(tmp_path / "file" / "x")]) == 1
    assert "cannot be written" in capsys.readouterr().err
