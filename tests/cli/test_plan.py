"""`lstmtui plan`: what is told, and the largest network that fits."""

from __future__ import annotations

import json

import pytest

from lstmtui.cli import main
from lstmtui.client import forecast


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "diary.txt"
    path.write_text("the cat sat on the mat. " * 4000)
    return path


@pytest.fixture
def forecasts(monkeypatch):
    """Forecasts of a machine where all follows from the square of the size."""
    measured: list[int] = []

    class Forecaster:
        def ask(self, s):
            activations = s.network.hidden * (0.25 if s.run.recompute else 1.0)
            return {
                "parameters": 10 * s.network.hidden**2, "flop_per_token": 60 * s.network.hidden**2,
                "memory_mb": 100 + activations,
                "memory_parts": {"weights": 60.0, "program": 40.0, "activations": activations},
                "vocabulary": 20, "tokens": 86_400,
            }  # fmt: skip

        def measure(self, s):
            measured.append(s.network.hidden)
            besides = {"seconds_per_evaluation": 1.0, "seconds_around": 5.0}
            speed = {"tokens_per_second": 1e8 / s.network.hidden**2}
            return {**self.ask(s), **speed, **(besides if s.data.test_fraction else {})}

        def close(self):
            measured.append(-1)

    monkeypatch.setattr(forecast, "Forecaster", Forecaster)
    return measured


def test_the_purpose_chooses_the_network(text, forecasts, capsys):
    assert main(["plan", str(text), "--for", "autocomplete", "--json"]) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert (settings["purpose"], settings["layers"], settings["tied"]) == ("autocomplete", 1, True)
    assert settings["tokens"] in ("words", "bpe")
    assert main(["plan", str(text), "--for", "fun"]) == 2
    assert "--for: purpose must be one of text, autocomplete" in capsys.readouterr().err


def test_the_forecast_is_printed(text, forecasts, capsys):
    assert main(["plan", str(text), "--hidden", "100", "--epochs", "5"]) == 0
    said = capsys.readouterr().out
    assert "parameters  100,000" in said
    assert "0.60 million operations a token" in said
    assert "about 200 MB (weights 60, program 40, activations 100)" in said
    assert "10,000 tokens/s, measured here" in said
    assert "an epoch    9 s for 86,400 tokens" in said
    assert "43 s: 5 epochs" in said
    assert forecasts == [100, -1]


def test_on_a_gpu_its_memory_counts(text, forecasts, capsys, monkeypatch):
    measure = forecast.Forecaster.measure
    monkeypatch.setattr(
        forecast.Forecaster,
        "measure",
        lambda self, s: {**measure(self, s), "gpu_memory_mb": 1234.5 * (s.run.device == "cuda")},
    )
    assert main(["plan", str(text), "--hidden", "100", "--epochs", "5", "--device", "cuda"]) == 0
    said = capsys.readouterr().out
    assert "memory      about 1,234 MB on the GPU\n" in said
    assert "10,000 tokens/s, measured here on the GPU\n" in said


def test_minutes_become_steps(text, forecasts, capsys):
    line = ["plan", str(text), "--hidden", "100", "--minutes", "2", "--batch", "10", "--bptt", "10", "--json"]
    assert main(line) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seconds"] == 120
    assert told["steps"] == 12_000
    assert told["epochs"] == pytest.approx(13.889, abs=1e-3)
    assert told["settings"]["hidden"] == 100


def test_the_largest_network_that_fits_is_proposed(text, forecasts, capsys):
    assert main(["plan", str(text), "--fit-memory", "300"]) == 0
    assert "lstmtui train ... --hidden 768 --recompute\n" in capsys.readouterr().out
    assert main(["plan", str(text), "--fit-memory", "300", "--no-recompute"]) == 0
    assert "--hidden 192" in capsys.readouterr().out
    # Three passes over 86,400 tokens in 6 seconds: 43,200 tokens a second, which size 48 reaches and 64 does not.
    assert main(["plan", str(text), "--fit-minutes", "0.1"]) == 0
    assert "--hidden 48 --minutes 0.1\n" in capsys.readouterr().out
    assert main(["plan", str(text), "--fit-minutes", "0.1", "--fit-memory", "140", "--no-recompute"]) == 0
    assert "--hidden 32 --minutes 0.1\n" in capsys.readouterr().out


def test_contradictory_options_are_refused(text, forecasts, capsys):
    assert main(["plan", str(text), "--hidden", "9", "--fit-memory", "300"]) == 2
    assert "either --hidden" in capsys.readouterr().err
    assert main(["plan", str(text), "--fit-memory", "101"]) == 2
    assert "Not even the smallest" in capsys.readouterr().err
    assert main(["plan", "/nowhere/x.txt"]) == 2
    assert forecasts[-1] == -1


def test_recomputation_is_proposed_where_activations_dominate(text, forecasts, capsys):
    line = ["plan", str(text), "--hidden", "300", "--steps", "10"]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert "Activations take 83% of the run's own memory: --recompute" in said
    assert "about 175 MB instead of 400" in said
    assert main([*line, "--recompute"]) == 0
    assert "--recompute" not in capsys.readouterr().out
    assert main(["plan", str(text), "--hidden", "50", "--steps", "10"]) == 0
    assert "--recompute" not in capsys.readouterr().out


def test_evaluations_start_and_end_count_in_the_time(text, forecasts, capsys, tmp_path):
    settings = tmp_path / "more.toml"
    settings.write_text("test_fraction = 0.1\neval_every = 10\n")
    line = ["plan", str(text), "--hidden", "100", "--batch", "10", "--bptt", "10", "--config", str(settings), "--json"]
    assert main([*line, "--steps", "1000"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seconds_training"], told["seconds"]) == (10.0, 10.0 + 100 * 1.0 + 5.0)
    assert main([*line, "--minutes", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seconds"], told["steps"]) == (60.0, 500)
