"""Steps of lstmtui for `alternating`, by names that older checkouts have, too."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from alternating import Step


def engine_bench() -> Any:
    """Return the module that measures training, where the imported lstmtui has it."""
    try:
        return import_module("lstmtui.engine.benchmark.bench")
    except ModuleNotFoundError:
        return import_module("lstmtui.engine.bench")


def training_step(cell: str, sizes: list[int], threads: int, precision: str = "float32") -> Step:
    """Return a training step on the processor; `sizes` are L, H, V, B and T."""
    bench = engine_bench()
    step: Step = bench.training_step(cell, bench.Shape(*sizes), threads, precision)
    return step


def token_step(cell: str, sizes: list[int], precision: str) -> Step:
    """Return what reads one token at batch 1, as sampling does, on one thread."""
    bench = engine_bench()
    step: Step = bench.single_step(cell, bench.Shape(*sizes), precision)
    return step


def cuda_training_step(cell: str, sizes: list[int], precision: str, way: str) -> Step:
    """Return a training step on a GPU, which returns its seconds there. Raises ValueError.

    way    "steps": a product at each time step, each kernel started by itself; "graph": the same as one CUDA graph;
           "persistent": one kernel for all time steps, in such a graph
    """
    from lstm_kernels.cell_table import CELLS
    from lstm_kernels.cuda import graphs, persistent, recurrence
    from lstm_kernels.cuda.launch import cuda

    from lstmtui.engine.benchmark.bench import Shape, make_workload

    shape = Shape(*sizes)
    recurrence.mode = "persistent" if way == "persistent" else "steps"
    graphs.enabled = way != "steps"
    if way == "persistent" and not persistent.fits(shape.B, len(CELLS[cell].gates), shape.H, 4):
        raise ValueError("too large for one kernel")
    # What a run calls auto is tf32 here.
    step = make_workload(cell, shape, 1, device="cuda", precision="auto" if precision == "tf32" else precision).step
    return timed_on_device(step, cuda.event)


def timed_on_device(step: Step, event: Any) -> Step:
    """Return a step that returns the seconds between two events of the device."""

    def timed() -> float:
        begun, ended = event(), event()
        begun.record()
        step()
        ended.record()
        ended.synchronize()
        return 1e-3 * float(begun.elapsed_time(ended))

    return timed
