"""Memory in turn: arrays apart from each other until it restarts, and the same again then."""

from __future__ import annotations

import numpy as np

from lstmtui.engine.nn import reused_memory
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.reused_memory import ReusedMemory


def test_arrays_lie_apart_until_the_memory_restarts(monkeypatch):
    monkeypatch.setattr(reused_memory, "BLOCK", 64)
    memory = ReusedMemory(Arena([], np.float32))
    zeros = memory.weights.device.arrays.zeros
    first, *others = (zeros(shape, np.float32) for shape in ((3, 5), 40, (70,), (2, 2)))
    counts = zeros(3, np.int32)
    assert [a.shape for a in (first, *others, counts)] == [(3, 5), (40,), (70,), (2, 2), (3,)]
    assert counts.dtype == np.int32
    assert not any(np.shares_memory(first, other) for other in others)
    memory.restart()
    assert np.shares_memory(zeros(9, np.float32), first)
    assert [len(block) for block in memory.blocks[np.dtype(np.float32)]] == [64, 80, 64]


def test_other_functions_and_the_weights_are_those_of_the_device():
    weights = Arena([], np.float32)
    memory = ReusedMemory(weights)
    assert memory.weights.flat is weights.flat
    assert memory.weights.device.arrays.copy is weights.device.arrays.copy
    assert weights.device.arrays.zeros is not memory.weights.device.arrays.zeros


def test_packed_weights_are_the_same_after_a_restart():
    memory = ReusedMemory(Arena([], np.float32))
    device = memory.weights.device

    def made():
        gates = device.recurrence.PackedGates(16, 3, "float32")
        return [gates, *(device.Packed(*size, "float32") for size in ((8, 16), (8, 16), (16, 8)))]

    first = made()
    assert len(set(map(id, first))) == 4
    memory.restart()
    assert all(packed is same for packed, same in zip(made(), first, strict=True))
    other = memory.weights_of(Arena([], np.float32)).device
    memory.restart()
    assert other.Packed(8, 16, "float32") is first[1]
