"""Probes between evaluations: as often as a hundredth of the time of training allows, and without effect on it."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
from support import tiny

from lstmtui.engine.training import gate_probes
from lstmtui.engine.training.gate_probes import GateProbes
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.runs.probes import read_saturation
from lstmtui.runs.writer import RunWriter


def steps_probed(monkeypatch, *, seconds_per_step: float, cost: float, steps: int) -> list[int]:
    """Return the steps at which a trainer of this speed takes probes that cost so much."""
    clock = [0.0]
    probed: list[int] = []

    def probe(step: int) -> None:
        probed.append(step)
        clock[0] += cost

    monkeypatch.setattr(gate_probes.time, "perf_counter", lambda: clock[0])
    progress = SimpleNamespace(step=0, seconds=0.0)
    trainer = SimpleNamespace(
        progress=progress,
        task=SimpleNamespace(probe_gates=probe),
        exclude_from_interval=lambda *_: None,
        plan=SimpleNamespace(total=steps),
    )
    probes = GateProbes(trainer)
    for step in range(1, steps + 1):
        progress.step, progress.seconds = step, step * seconds_per_step
        probes.take_if_due()
    return probed


def test_probes_take_a_hundredth_of_the_time_at_most(monkeypatch):
    probed = steps_probed(monkeypatch, seconds_per_step=0.02, cost=0.01, steps=9000)
    assert 0.9 * 0.01 * 180 < len(probed) * 0.01 <= 0.01 * 180
    assert probed[0] == 1
    assert len([step for step in probed if step * 0.02 <= 30]) >= 40  # of the first half of a minute
    assert min(later - step for step, later in pairwise(probed)) * 0.02 >= 0.5


def test_a_short_run_does_not_take_what_a_long_one_would_earn(monkeypatch):
    probed = steps_probed(monkeypatch, seconds_per_step=0.02, cost=0.01, steps=200)
    assert len(probed) * 0.01 <= 0.01 * 200 * 0.02


def test_a_run_that_goes_on_is_probed_as_often_as_a_screen_shows(monkeypatch):
    probed = steps_probed(monkeypatch, seconds_per_step=1.0, cost=1e-5, steps=20_000)
    assert all(later - step >= step // gate_probes.PROBES_PER_AXIS for step, later in pairwise(probed))
    assert len(probed) < gate_probes.PROBES_PER_AXIS * (1 + math.log(20_000))


def test_the_weights_do_not_depend_on_the_probes(tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(gate_probes, "MIN_SECONDS", 0.0)
    for share in (0.0, 1e9):
        monkeypatch.setattr(gate_probes, "MAX_SHARE", share)
        run = tiny.create(tmp_path, f"run-{int(share)}", dropout=0.2, weight_drop=0.2, batch=12)
        writer = RunWriter(run, interval=60)
        trainer = Trainer(run, writer, lambda: False)
        assert run_to_the_end(trainer) == "finished"
        writer.close()
        found.append((tiny.last_weights(run), len(read_saturation(run))))
    (without, few), (weights, many) = found
    assert weights == without
    assert (few, many) == (3, 30)
    model, reader = trainer.task.model, trainer.task._gate_reader
    assert (model.B, reader.B) == (12, 8)
    tokens = np.random.default_rng(3).integers(0, 9, (model.T, model.B), np.int32)
    reader.pack()
    reader.set_states({name: states[:8] for name, states in model.states().items()})
    for observed, part in ((model, tokens), (reader, tokens[:, :8])):
        observed.observe(part)
    for whole, part in zip(model.gates(), reader.gates(), strict=True):
        np.testing.assert_allclose(part, whole[:, :8], atol=1e-5)  # products of other shapes round otherwise


def test_a_probe_that_takes_long_is_left_out_of_the_speed(monkeypatch):
    excluded = []
    progress = SimpleNamespace(step=1, seconds=100.0)
    trainer = SimpleNamespace(
        progress=SimpleNamespace(step=1, seconds=0.0),
        task=SimpleNamespace(probe_gates=lambda _: time.sleep(0.01)),
        exclude_from_interval=lambda seconds, busy: excluded.append((seconds, busy)),
        plan=SimpleNamespace(total=10),
    )
    probes = GateProbes(trainer)
    trainer.progress = progress
    probes._cost = 0.001
    probes.take_if_due()
    ((seconds, busy),) = excluded
    assert seconds >= 0.01 > busy
