"""The limits of the processor and its memory are measured."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.engine.benchmark import roofline


def test_the_peak_is_measured_on_real_multiply_adds():
    sums = np.arange(roofline.CHAINS, dtype=np.float32)
    for _ in range(3):
        sums = sums * np.float32(0.5) + 1
    assert roofline.multiply_adds(3, 0.5, 1.0) == roofline.LANES * sums.sum()


def test_the_peak_counts_two_operations_for_a_multiply_add(monkeypatch):
    clock = iter([10.0, 10.5, 20.0, 20.25])
    monkeypatch.setattr(roofline.time, "perf_counter", lambda: next(clock))
    assert roofline.peak(1, turns=2) == pytest.approx(2e-9 * roofline.LANES * roofline.CHAINS * roofline.ROUNDS / 0.25)


def test_bandwidth_counts_two_arrays_in_and_one_out(monkeypatch):
    monkeypatch.setattr(roofline, "ARRAY_SIZE", 100)
    clock = iter([10.0, 10.5, 20.0, 20.25])
    monkeypatch.setattr(roofline.time, "perf_counter", lambda: next(clock))
    assert roofline.bandwidth(2, turns=2) == pytest.approx(1e-9 * 12 * 100 / 0.25)
