"""Work that is recorded once and then started as a whole: CUDA graphs, through the driver's own interface.

From Python a kernel takes longer to start than a small one runs, and the device waits for the host: a training step of
two layers starts some fifty, and two for each step of a walk that is not one kernel. A graph of all of them is started
by one call, whatever their number.

Recording needs a stream of its own. It waits for what was started before on the default one, and that for it, as
streams do unless they are made not to, so that nothing else has to know of it. See Nvidia, CUDA driver API, "Graph
management" and "Stream synchronization behavior".
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
"""Starts kernels and does nothing else: no allocation, no copy from or to the host, no look at what they computed."""

enabled = os.environ.get("LSTM_KERNELS_GRAPHS", "1") != "0"
"""Whether anything is; set to compare."""
WARMUP_RUNS = 1
"""How often work is done as it stands before it is recorded: kernels are compiled then."""
MAX_GRAPHS = 64
"""Graphs that are kept; the one that was not needed for longest goes first."""

_RELAXED = 2  # CU_STREAM_CAPTURE_MODE_RELAXED: other threads, and what the garbage collector frees, are not forbidden
_OUT_OF_MEMORY = 2  # CUDA_ERROR_OUT_OF_MEMORY


class Driver:
    """What is needed of the driver, and the stream that is recorded."""

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
        cuda.current_context()  # the driver takes the one that is current
        made = ctypes.c_void_p()
        self._check(library.cuStreamCreate(ctypes.byref(made), 0))
        handle = made.value or 0
        self._stream = Stream(handle, cuda.external_stream(handle))

    def record(self, work: Work) -> Any:
        """Return the graph of `work`, which is not done yet. Raises what it raises, RuntimeError and MemoryError."""
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

    def start(self, graph: Any) -> None:
        """Start what was recorded. Raises RuntimeError, MemoryError."""
        self._check(self._library.cuGraphLaunch(graph, self._stream.handle))

    def forget(self, graph: Any) -> None:
        """Give back what a graph holds, once it has been done."""
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
"""What has been recorded, the last used at the end."""
_times: dict[Hashable, int] = {}
"""How often other work was done as it stands."""


def replay(key: Hashable, work: Work) -> None:
    """Do `work`, which is the same whenever `key` is: the same kernels, of arrays at the same addresses.

    Where recording fails it is done as it stands, then and from then on; and within other work it is part of that.
    """
    driver = _driver()
    if driver is None or not enabled or stream() is not DEFAULT:
        work()
        return
    if key not in _graphs:
        done = _times.get(key, 0)
        if done < WARMUP_RUNS:
            _note(key, done + 1)
            work()
            return
        try:
            graph = driver.record(work)
        except Exception:  # whatever it was: nothing has been done yet, and it can be done without
            _drivers[:] = [None]
            work()
            return
        _keep(key, graph, driver)
    _graphs.move_to_end(key)
    driver.start(_graphs[key])


def _note(key: Hashable, times: int) -> None:
    if len(_times) >= MAX_GRAPHS:
        _times.clear()
    _times[key] = times


def _keep(key: Hashable, graph: Any, driver: Driver) -> None:
    _times.pop(key, None)
    _graphs[key] = graph
    if len(_graphs) > MAX_GRAPHS:
        driver.forget(_graphs.popitem(last=False)[1])


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
    except (AttributeError, RuntimeError, MemoryError):  # as old as it may be, kernels can be started without
        return None
