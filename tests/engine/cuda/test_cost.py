"""What training on the GPU, or its simulator, costs: measured and told beforehand."""

from __future__ import annotations

import json

import pytest
from support import tiny

from lstmtui.engine.benchmark import bench, forecast
from lstmtui.engine.nn.memory_size import device_bytes

SHAPE = "1x3xV5xB2xT2"


def test_bench_times_steps_of_the_gpu(capsys, monkeypatch):
    monkeypatch.setattr(bench, "median", lambda step, seconds: (step(), 0.25)[1])
    assert bench.main(["--cells", "gru", "--shapes", SHAPE, "--device", "cuda"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["device"], row["precision"]) for row in found] == [("cuda", "float32"), ("cuda", "tf32")]
    assert {(row["milliseconds"], row["peak_gflops"], row["share"]) for row in found} == {(250.0, None, None)}


def test_a_profile_is_of_the_processor(capsys):
    assert bench.main(["--shapes", SHAPE, "--device", "cuda", "--profile"]) == 2
    assert "add --device cpu" in json.loads(capsys.readouterr().out)["error"]


def test_a_plan_measures_the_gpu_and_tells_its_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(forecast, "median_seconds", lambda step, **_: (step(), 0.5)[1])
    s = tiny.settings(tiny.corpus(tmp_path), hidden=3, embedding=2, layers=1, batch=2, bptt=2, device="cuda")
    told = forecast.Forecast().measure(s)
    assert told["tokens_per_second"] == 8.0
    assert told["gpu_memory_mb"] == pytest.approx(1e-6 * device_bytes(s, told["vocabulary"], 2, 2))
