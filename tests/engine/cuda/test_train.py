"""Runs that train on the GPU, or its simulator, beside the same on the processor."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from lstm_kernels.cuda import graphs
from lstm_kernels.cuda.launch import SIMULATED
from support import tiny
from support.graph_recorder import GraphRecorder

from lstmtui.engine import backend, checkpoint
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.memory_size import device_bytes
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.nn.recurrent import NO_DROPOUT, NO_PENALTY, Dropout, Penalty
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.errors import UsageError
from lstmtui.runs.writer import RunWriter

V, T, B = 5, 3, 2
EVERYTHING = Dropout(inputs=0.3, layers=0.3, weights=0.3, tokens=0.3, key=99)
SMALL = {
    "hidden": 3, "embedding": 2, "layers": 1, "batch": 2, "bptt": 2, "eval_tokens": 8, "steps": 4, "eval_every": 4,
    "sample_length": 2, "log_every": 1,
}  # fmt: skip


def network(device, cell, **changes):
    s = tiny.settings("unused", cell=cell, layers=2, hidden=3, embedding=3 if changes.get("tied") else 2, **changes)
    weights = Arena(parameters(s, V), np.float64, device)
    weights.initialise(2)
    return s, LanguageModel(s, weights, T, B, threads=1, backward=True, segment=2)


def trained(device, cell, drops, penalties, **changes):
    """Return the losses of steps with such dropout, and all weights after them."""
    s, net = network(device, cell, **changes)
    optimizer = Optimizer(s, net.weights, 1)
    optimizer.reset()
    random = np.random.default_rng(0)
    losses = []
    for step, drop in enumerate(drops, start=1):
        x, y = random.integers(0, V, (2, T, B)).astype(np.int32)
        losses.append(net.gradient(x, y, drop, penalties) + net.recurrent.penalised)
        norm = optimizer.norm(net.gradients)
        optimizer.apply(net.gradients, norm=norm, step=step, lr=0.1, clip=1.0, weight_decay=0.1)
        net.carry()
    return losses, {f"{kind}.{name}": np.array(view) for kind, arena in optimizer.arenas().items()
                    for name, view in arena.read().items()}  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "drop", "penalties", "changes"),
    [
        ("rnn", NO_DROPOUT, NO_PENALTY, {"optimizer": "sgd", "momentum": 0.9}),
        ("lstm", EVERYTHING, Penalty(2.0, 3.0), {"tied": True, "recompute": True}),
        ("peephole", NO_DROPOUT, NO_PENALTY, {"ema": 0.0}),
        ("coupled", NO_DROPOUT, NO_PENALTY, {}),
        ("gru", EVERYTHING, NO_PENALTY, {}),
    ],
)
def test_steps_are_those_of_the_processor(cell, drop, penalties, changes):
    found, expected = (
        trained(backend.device(name), cell, (drop, drop), penalties, **changes) for name in ("cuda", "cpu")
    )  # fmt: skip
    assert_alike(found, expected)


def test_steps_that_are_replayed_are_those_of_the_processor(monkeypatch):
    """What is recorded of a step computes from its tokens and masks, and is another where dropout is."""
    if SIMULATED:
        recorder = GraphRecorder()
        monkeypatch.setattr(graphs, "_drivers", [recorder])
    drops = [NO_DROPOUT] * 3 + [dataclasses.replace(EVERYTHING, key=key) for key in (1, 2, 3)] + [NO_DROPOUT]
    found, expected = (
        trained(backend.device(name), "lstm", drops, Penalty(2.0, 3.0)) for name in ("cuda", "cpu")
    )  # fmt: skip
    assert_alike(found, expected)
    if SIMULATED:
        assert recorder.recorded == 4  # the gradient and the states that are carried, with and without dropout
        assert recorder.launched > recorder.recorded


def assert_alike(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-10)
    assert found[1].keys() == expected[1].keys()
    for name, weights in expected[1].items():
        # AdamW divides by the root of small squares: differences of 1e-16 become some 1e-9 of a step.
        np.testing.assert_allclose(found[1][name], weights, rtol=1e-7, atol=1e-9, err_msg=name)


def finish(run, device=None, *, at=None):
    """Train to the end, or to step `at`, and return how it ended."""
    writer = RunWriter(run, interval=60)
    trainer = Trainer(run, writer, lambda: at is not None and trainer.progress.step >= at, device)
    try:
        return run_to_the_end(trainer)
    finally:
        writer.close()


def test_a_run_begins_on_one_device_and_ends_on_the_other(tmp_path):
    whole, parts = (tiny.create(tmp_path, name, device=name, **SMALL) for name in ("cpu", "cuda"))
    assert finish(whole) == "finished"
    assert finish(parts, at=2) == "stopped"
    assert finish(parts, "cpu") == "finished"
    expected, found = (checkpoint.newest(run).tensors for run in (whole, parts))
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor, rtol=1e-3, atol=1e-5, err_msg=name)
    resumed = tiny.events(parts, "finished")[0]["valid"]
    assert resumed == pytest.approx(tiny.events(whole, "finished")[0]["valid"], rel=1e-5)


def test_a_run_goes_on_to_the_same_bytes_and_evaluates_there(tmp_path):
    small = {**SMALL, "steps": 2, "eval_every": 2, "sample_length": 0}
    whole, parts = (tiny.create(tmp_path, name, device="cuda", **small) for name in ("whole", "parts"))
    assert finish(whole) == "finished"
    assert finish(parts, at=1) == "stopped"
    assert finish(parts) == "finished"
    assert tiny.last_weights(parts) == tiny.last_weights(whole)
    assert len(list(whole.probes.glob("saturation-*.npz"))) == 1


def test_what_does_not_fit_is_refused_with_what_would(tmp_path, monkeypatch):
    s = tiny.settings("unused", **{**SMALL, "batch": 8, "bptt": 50, "hidden": 64})
    needed = device_bytes(s, 256, 50, 8)
    monkeypatch.setattr(backend.device("cuda"), "free_memory", lambda: device_bytes(s, 256, 50, 2) + 1)
    from lstmtui.engine.nn.memory_size import check_room

    with pytest.raises(UsageError, match=rf"about {needed / 1e9:.2f} GB .* --batch 2 would fit"):
        check_room(s, 256, 50, 8, backend.device("cuda"))
    check_room(s.changed(batch=2), 256, 50, 2, backend.device("cuda"))
    check_room(s, 256, 50, 8, backend.CPU)
