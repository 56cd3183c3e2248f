"""How a training step scales, and what a start costs: cores, window, corpus, memory, compilation.

    python tests/bench/scaling.py [cores] [window] [corpus] [memory] [start]     (all of them if none is named)

Times are medians of a few turns that alternate. Each memory figure is from a process of its own: the most it held in
two training steps, above what it held before its network was made. `memory` needs the `bench` extra.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_steps import training_step as pytorch_step

from lstmtui.common.hardware import cpu_count
from lstmtui.data.batches import Streams
from lstmtui.engine.benchmark.bench import Shape, make_workload

SHAPE = Shape(2, 512, V=65, B=32, T=100)
LONG_SHAPE = Shape(2, 512, V=65, B=32, T=1000)
TINY_SHAPE = Shape(2, 8, V=5, B=2, T=3)
WINDOWS = (50, 200, 1000)
CORPUS_MEGABYTES = (1, 1000)


def row(name: str, figure: str) -> None:
    """Print one figure."""
    print(f"{name:58} {figure:>24}", flush=True)


def median_seconds(sides: dict[Any, Callable[[], object]], turns: int = 5) -> dict[Any, float]:
    """Return the median seconds of each, called one after the other `turns` times after one that warms up."""
    times: dict[Any, list[float]] = {name: [] for name in sides}
    for _ in range(turns + 1):
        for name, call in sides.items():
            begun = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def cores() -> None:
    """A step on all cores beside one on a single core."""
    count = cpu_count()
    for precision in ("float32", "bfloat16"):
        steps = {n: make_workload("lstm", SHAPE, n, precision=precision).step for n in (1, count)}
        seconds = median_seconds(steps)
        row(f"{count} cores beside 1, {SHAPE}, {precision}", f"{seconds[1] / seconds[count]:.2f} times as fast")


def window() -> None:
    """The time of a token as the window grows."""
    steps = {T: make_workload("lstm", Shape(2, 512, V=65, B=32, T=T), cpu_count()).step for T in WINDOWS}

    def as_many_tokens(T: int) -> Callable[[], object]:
        """Take as many tokens whatever the window, so that other load falls on all alike."""
        return lambda: [steps[T]() for _ in range(max(WINDOWS) // T)]

    seconds = median_seconds({T: as_many_tokens(T) for T in WINDOWS})
    per_token = {T: 1e6 * seconds[T] / (32 * max(WINDOWS)) for T in WINDOWS}
    for T in WINDOWS:
        row(f"a token, lstm 2x512, windows of {T}", f"{per_token[T]:.2f} us")
    row("slowest above fastest", f"{max(per_token.values()) / min(per_token.values()) - 1:.1%}")


def corpus() -> None:
    """The time of a window from a mapped file as the corpus grows, and the memory that reading takes.

    Pages of the file are left out: the system lends them while nothing else needs them.
    """
    block = np.random.default_rng(0).integers(0, 65, 1_000_000).astype(np.uint8).tobytes()
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in CORPUS_MEGABYTES:
            path = Path(folder) / f"{megabytes}"
            with path.open("wb") as file:
                for _ in range(megabytes):
                    file.write(block)
            network = make_workload("lstm", SHAPE, cpu_count()).network
            streams = Streams(np.memmap(path, np.uint8, "r"), SHAPE.B, SHAPE.T)
            times = []
            before = resident_megabytes("RssAnon")
            for k in range(min(streams.windows, 40)):
                begun = time.perf_counter()
                network.gradient(*streams.window(k))
                network.carry()
                times.append(time.perf_counter() - begun)
            spent = resident_megabytes("RssAnon") - before
            found = f"{1e6 * statistics.median(times[3:]) / SHAPE.tokens:.2f} us"
            row(f"a token, forward and backward, corpus of {megabytes} MB", found)
            row(f"memory of reading 40 windows of {megabytes} MB", f"{spent:.0f} MB")


def memory() -> None:
    """The memory of a step at T 1000 beside PyTorch's, and the time of recomputing gates."""
    found = {}
    for side in ("pytorch", "stored", "recomputed"):
        command = [sys.executable, __file__, "--memory-of", side]
        found[side] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for side, name in (("stored", "memory of a step"), ("recomputed", "memory with --recompute")):
        share = found[side] / found["pytorch"]
        row(f"{name}, {LONG_SHAPE}, of PyTorch's", f"{share:.2f} ({found[side]:.0f} MB)")
    steps = {again: make_workload("lstm", LONG_SHAPE, cpu_count(), recompute=again).step for again in (False, True)}
    seconds = median_seconds(steps, turns=3)
    row("time with --recompute, of that without", f"{seconds[True] / seconds[False]:.2f}")


def print_memory(side: str) -> None:
    """Print the most memory in MB that two steps of this process take."""

    def make(shape: Shape) -> Callable[[], object]:
        if side == "pytorch":
            return pytorch_step("lstm", [shape.L, shape.H, shape.V, shape.B, shape.T], cpu_count())
        return make_workload("lstm", shape, cpu_count(), recompute=side == "recomputed").step

    make(TINY_SHAPE)()  # loads and compiles, which is not counted
    before = resident_megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the maximum
    step = make(LONG_SHAPE)
    step()
    step()
    largest = resident_megabytes("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(largest - before)


def resident_megabytes(name: str) -> float:
    """Return what this process holds (VmRSS; RssAnon: without mapped files) or the most it held (VmHWM), in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1e3
    return 0.0


def start() -> None:
    """A run from the command to its first step: with an empty cache, and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        text.write_text("the quick brown fox jumps over the lazy dog\n" * 20_000)
        environment = {**os.environ, "LSTMTUI_CACHE": f"{folder}/cache", "LSTMTUI_RUNS": f"{folder}/runs"}
        for name in ("cold", "warm-1", "warm-2", "warm-3"):
            command = [sys.executable, "-m", "lstmtui.cli", "train", str(text), "--name", name, "--steps", "2"]
            begun = time.time()
            subprocess.run(command, env=environment, check=True, capture_output=True)
            events = {event["event"]: event for event in json_lines(Path(folder) / "runs" / name / "events.jsonl")}
            compiled = events["compiled"]
            if name == "cold":
                figure = f"{compiled['seconds']:.1f} s, {compiled['kernels']} kernels"
                row("compiling one cell, for training and sampling", figure)
            elif name == "warm-3":
                row("warm, from command to first step", f"{events['planned']['at'] - begun:.2f} s")
                row("kernels compiled in a warm start", str(compiled["kernels"]))


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines."""
    for line in path.read_text().splitlines():
        yield json.loads(line)


PARTS = {part.__name__: part for part in (cores, window, corpus, memory, start)}


def main() -> None:
    if sys.argv[1:2] == ["--memory-of"]:
        print_memory(sys.argv[2])
        return
    if any(name not in PARTS for name in sys.argv[1:]):
        sys.exit(__doc__)
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
