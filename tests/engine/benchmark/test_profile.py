"""The parts of a training step are timed without changing it."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from lstmtui.engine import backend
from lstmtui.engine.benchmark import bench
from lstmtui.engine.benchmark.bench import Shape
from lstmtui.engine.benchmark.profile import Part, Profile

TINY = Shape(2, 4, V=7, B=3, T=5)


def test_a_profile_has_every_part_of_a_step_and_restores_the_kernels():
    before = backend.CPU.linear
    workload = bench.make_workload("gru", TINY, 1, dropout=0.25, weight_drop=0.25)
    rows = bench.profile(workload, 0.0, bench.Limits(1.0, 1.0))
    assert backend.CPU.linear is before
    assert "pack" not in vars(workload.network)
    parts = {row["part"]: row for row in rows}
    expected = {"weights: packing", "dropout", "inputs: product", "layers: forward"}
    expected |= {"softmax: product and loss", "softmax: gradients"}
    expected |= {"layers: backward", "layers: gradient of weights", "inputs: gradient", "embedding: gradient"}
    assert expected | {"optimizer: norm", "optimizer: update", "the rest"} <= set(parts)
    assert all(row["milliseconds"] >= 0 for row in rows)
    # Multiply-adds: 2 layers, 15 positions, 12 x 4 weights; at 1 GFLOP/s and 1 GB/s bytes are the limit.
    forward = parts["layers: forward"]
    assert forward["limit"] == "memory"
    (row,) = [part.row(1, 1e-3, 1e9) for part in [Part("x", flops=2 * 2 * 15 * 12 * 4)]]
    assert row["limit_milliseconds"] == pytest.approx(2 * 2 * 15 * 48 / 1e6 * 1e3, abs=1e-3)


def test_profiling_changes_no_bit():
    def losses(timed):
        workload = bench.make_workload("lstm", TINY, 1)
        with Profile().of(workload.network) if timed else nullcontext():
            return [workload.step() for _ in range(5)]

    assert losses(True) == losses(False)
