"""Recording and launching of graphs, with fake drivers; only a GPU has a real one."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest
from lstm_kernels.cuda import graphs, recurrence
from lstm_kernels.cuda.arrays import copy_to_device, to_device, to_host, zeros
from lstm_kernels.cuda.launch import DEFAULT, SIMULATED, Stream, on, stream
from lstm_kernels.interface import Steps
from support.graph_recorder import GraphRecorder


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(graphs, "_graphs", OrderedDict())
    monkeypatch.setattr(graphs, "_runs", {})
    found = GraphRecorder()
    monkeypatch.setattr(graphs, "_drivers", [found])
    return found


def test_work_runs_once_is_recorded_and_then_launched(recorder):
    done = []
    for _ in range(4):
        graphs.replay("a", lambda: done.append("a"))
    assert done == ["a"] * 4
    assert (recorder.recorded, recorder.launched) == (1, 3)


def test_nested_work_is_recorded_with_the_outer_work(recorder):
    done = []
    with on(Stream(1, 1)):  # as it is while something is recorded
        for _ in range(3):
            graphs.replay("a", lambda: done.append("a"))
    assert done == ["a"] * 3
    assert (recorder.recorded, recorder.launched) == (0, 0)


def test_each_key_has_a_graph_of_its_own(recorder):
    done = []
    for _ in range(3):
        graphs.replay("a", lambda: done.append("a"))
        graphs.replay("b", lambda: done.append("b"))
    assert done == ["a", "b"] * 3
    assert recorder.recorded == 2


def test_the_least_recently_used_graph_is_destroyed_first(recorder, monkeypatch):
    monkeypatch.setattr(graphs, "MAX_GRAPHS", 2)
    monkeypatch.setattr(graphs, "WARMUP_RUNS", 0)
    for key in "abacb":
        graphs.replay(key, lambda: None)
    assert list(graphs._graphs) == ["c", "b"]
    assert recorder.recorded == 4
    assert len(recorder.graphs) == 2


def test_work_runs_unrecorded_where_recording_fails(recorder, monkeypatch):
    def refuse(work):
        raise RuntimeError("not now")

    monkeypatch.setattr(recorder, "record", refuse)
    done = []
    for _ in range(3):
        graphs.replay("a", lambda: done.append("a"))
    assert done == ["a"] * 3
    assert graphs._drivers == [None]


def test_a_graph_reads_its_arrays_when_launched(recorder, monkeypatch):
    """A walk with a product at each step, on a GPU by its driver."""
    if not SIMULATED:
        monkeypatch.setattr(graphs, "_drivers", [])
    monkeypatch.setattr(recurrence, "mode", "steps")
    T, B, H = 3, 2, 2
    random = np.random.default_rng(0)
    W, unit, nothing = recurrence.PackedGates(H, 1, "float64"), zeros((0, H), np.float64), zeros((0,), np.float64)
    W.pack_transposed(to_device(random.normal(size=(H, H))), 1)
    gates, h = zeros((T, B, H), np.float64), zeros((T + 1, B, H), np.float64)
    lengths = to_device(np.full(B, T, np.int32))
    steps = Steps(gates, h, nothing, nothing, lengths, zeros((B, H), np.float64))
    for turn in range(4):
        inputs = random.normal(size=(T, B, H))
        copy_to_device(inputs, gates)
        graphs.replay("a walk", lambda: recurrence.compiled("rnn").forward(steps, W, unit, 1))
        expected = np.zeros((B, H))
        for t in range(T):
            expected = np.tanh(inputs[t] + expected @ to_host(W.words))
        np.testing.assert_allclose(to_host(h)[-1], expected, rtol=1e-12)
        assert len(graphs._graphs) == (turn > 0)
    assert graphs._drivers[0] is not None


def test_nothing_is_recorded_while_disabled(recorder, monkeypatch):
    monkeypatch.setattr(graphs, "enabled", False)
    done = []
    for _ in range(3):
        graphs.replay("a", lambda: done.append("a"))
    assert done == ["a"] * 3
    assert recorder.recorded == 0


class Library:
    """A fake of the driver's library: records its calls, and fails at a chosen one."""

    def __init__(self, **failing):
        self.called = []
        for name in (
            "cuStreamCreate", "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags",
            "cuGraphLaunch", "cuGraphDestroy", "cuGraphExecDestroy",
        ):  # fmt: skip
            setattr(self, name, self._answer(name, failing.get(name, 0)))

    def _answer(self, name, status):
        def answer(*args):
            self.called.append(name)
            if name == "cuStreamCreate":
                args[0]._obj.value = 77
            return status

        return answer


@pytest.fixture
def streams(monkeypatch):
    device = SimpleNamespace(current_context=lambda: None, external_stream=lambda handle: ("stream", handle))
    monkeypatch.setattr(graphs, "cuda", device)
    monkeypatch.setattr(graphs, "synchronize", lambda: None)


def test_the_driver_records_on_its_own_stream(streams):
    library, seen = Library(), []
    driver = graphs.Driver(library)
    recorded = driver.record(lambda: seen.append(stream()))
    assert isinstance(recorded, ctypes.c_void_p)
    driver.launch(recorded)
    driver.destroy(recorded)
    assert seen == [Stream(77, ("stream", 77))]
    assert stream() is DEFAULT
    assert library.called == [
        "cuStreamCreate", "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags",
        "cuGraphDestroy", "cuGraphLaunch", "cuGraphExecDestroy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        ({"cuStreamEndCapture": 901}, RuntimeError),
        ({"cuGraphInstantiateWithFlags": 2}, MemoryError),
        ({"cuStreamBeginCapture_v2": 900}, RuntimeError),
    ],
)
def test_driver_errors_are_raised(streams, failing, error):
    with pytest.raises(error):
        graphs.Driver(Library(**failing)).record(lambda: None)


def test_recording_ends_when_work_fails(streams):
    library = Library()

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        graphs.Driver(library).record(fail)
    assert library.called[-1] == "cuStreamEndCapture"


def test_nothing_is_recorded_on_the_simulator_alone(monkeypatch):
    monkeypatch.setattr(graphs, "_drivers", [])
    assert (graphs._driver() is None) == SIMULATED
