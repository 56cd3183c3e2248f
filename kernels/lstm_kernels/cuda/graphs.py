"""CUDA graphs, through the driver's own interface: work that is recorded once and then launched as a whole.

Launching a small kernel from Python takes longer than running it, so that the device waits for the host: a training
step of two layers launches some fifty kernels, and two more for each step of a recurrence that is not persistent. One
call launches a graph of all of them, whatever their number.

Recording needs its own stream. That stream and the default one wait for each other, as streams do by default, so that
other code is not affected. See Nvidia, CUDA driver API, "Graph management" and "Stream synchronization behavior".
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from lstm_kernels.cuda.driver import library
from lstm_kernels.cuda.launch import DEFAULT, Stream, cuda, on, stream, synchronize

Work = Callable[[], None]
"""Launches kernels and does nothing else: no allocation, no copy from or to the host, no reading of results."""

enabled = os.environ.get("LSTM_KERNELS_GRAPHS", "1") != "0"
"""Whether work is recorded at all; benchmarks switch it off."""
WARMUP_RUNS = 1
"""Runs of a piece of work before it is recorded: its kernels are compiled then."""
MAX_GRAPHS = 64
"""Graphs in memory; the least recently used is destroyed first."""

_RELAXED = 2  # CU_STREAM_CAPTURE_MODE_RELAXED: other threads and the garbage collector may call the driver
_OUT_OF_MEMORY = 2  # CUDA_ERROR_OUT_OF_MEMORY


class Driver:
    """The driver's functions for graphs, and the stream that is recorded."""

    def __init__(self, library: Any) -> None:
        """Raises RuntimeError where it cannot record."""
        number, pointer = ctypes.c_uint, ctypes.c_void_p
        library.cuStreamCreate.argtypes = [pointer, number]
        library.cuStreamBeginCapture_v2.argtypes = [pointer, number]
        library.cuStreamEndCapture.argtypes = [pointer, pointer]
        library.cuGraphInstantiateWithFlags.argtypes = [pointer, pointer, ctypes.c_ulonglong]
        library.cuGraphLaunch.argtypes = [pointer, pointer]
        library.cuGraphDestroy.argtypes = library.cuGraphExecDestroy.argtypes = [pointer]
        self._library = library
        cuda.current_context()  # the driver uses the current one
        made = ctypes.c_void_p()
        self._check(library.cuStreamCreate(ctypes.byref(made), 0))
        handle = made.value or 0
        self._stream = Stream(handle, cuda.external_stream(handle))

    def record(self, work: Work) -> Any:
        """Return the graph of `work` without running it. Raises what `work` raises, RuntimeError and MemoryError."""
        library, handle = self._library, self._stream.handle
        graph, made = ctypes.c_void_p(), ctypes.c_void_p()
        self._check(library.cuStreamBeginCapture_v2(handle, _RELAXED))
        try:
            with on(self._stream):
                work()
        finally:
            ended = library.cuStreamEndCapture(handle, ctypes.byref(graph))
        self._check(ended)
        try:
            self._check(library.cuGraphInstantiateWithFlags(ctypes.byref(made), graph, 0))
        finally:
            library.cuGraphDestroy(graph)
        return made

    def launch(self, graph: Any) -> None:
        """Launch a graph. Raises RuntimeError, MemoryError."""
        self._check(self._library.cuGraphLaunch(graph, self._stream.handle))

    def destroy(self, graph: Any) -> None:
        """Free a graph, once it has run."""
        synchronize()
        self._library.cuGraphExecDestroy(graph)

    def _check(self, status: int) -> None:
        if status == _OUT_OF_MEMORY:
            raise MemoryError("a graph of kernels on the GPU")
        if status != 0:
            raise RuntimeError(f"the CUDA driver failed with status {status}")


_drivers: list[Driver | None] = []
_once = threading.Lock()
_graphs: OrderedDict[Hashable, Any] = OrderedDict()
"""Recorded work, the most recently used last."""
_runs: dict[Hashable, int] = {}
"""Runs of work that is not recorded yet."""


def replay(key: Hashable, work: Work) -> None:
    """Run `work`, which is the same whenever `key` is: the same kernels with arrays at the same addresses.

    Work that is replayed inside other work becomes part of it. Once recording fails, all work runs unrecorded.
    """
    driver = _driver()
    if driver is None or not enabled or stream() is not DEFAULT:
        work()
        return
    if key not in _graphs:
        done = _runs.get(key, 0)
        if done < WARMUP_RUNS:
            _count(key, done + 1)
            work()
            return
        try:
            graph = driver.record(work)
        except Exception:  # whatever it was: nothing has run yet, and work runs without graphs
            _drivers[:] = [None]
            work()
            return
        _store(key, graph, driver)
    _graphs.move_to_end(key)
    driver.launch(_graphs[key])


def _count(key: Hashable, times: int) -> None:
    if len(_runs) >= MAX_GRAPHS:
        _runs.clear()
    _runs[key] = times


def _store(key: Hashable, graph: Any, driver: Driver) -> None:
    _runs.pop(key, None)
    _graphs[key] = graph
    if len(_graphs) > MAX_GRAPHS:
        driver.destroy(_graphs.popitem(last=False)[1])


def _driver() -> Driver | None:
    if not _drivers:
        with _once:
            if not _drivers:
                _drivers.append(_load())
    return _drivers[0]


def _load() -> Driver | None:
    found = library()
    try:
        return None if found is None else Driver(found)
    except (AttributeError, RuntimeError, MemoryError):  # an old driver; kernels run without graphs
        return None
