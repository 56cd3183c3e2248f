"""How a training step scales, and what a start costs: second core, window, corpus, memory, compiling.

    python tests/bench/scaling.py [cores] [window] [corpus] [memory] [start]     (all of them if none is named)

Each row has the figure, and the target beside it. Medians of a few turns that alternate; each memory figure is from a
process of its own: the most it held in two training steps, above what it held before its network was made.
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
from versus_torch import pytorchs

from lstmtui.common.hardware import cpu_count
from lstmtui.data.batches import Streams
from lstmtui.engine.benchmark.bench import Shape, training

SHAPE = Shape(2, 512, V=65, B=32, T=100)
LONG = Shape(2, 512, V=65, B=32, T=1000)
TINY = Shape(2, 8, V=5, B=2, T=3)


def row(name: str, figure: str, target: str) -> None:
    print(f"{name:52} {figure:>22} {target:>22}", flush=True)


def in_turns(sides: dict[Any, Callable[[], object]], turns: int = 5) -> dict[Any, float]:
    """Return the median seconds of each, called one after the other so many times; the first turn is left out."""
    times: dict[Any, list[float]] = {name: [] for name in sides}
    for _ in range(turns + 1):
        for name, call in sides.items():
            begun = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def cores() -> None:
    """A step on all cores against one."""
    count = cpu_count()
    for precision in ("float32", "bfloat16"):
        steps = {n: training("lstm", SHAPE, n, precision=precision).step for n in (1, count)}
        seconds = in_turns(steps)
        row(f"{count} cores against 1, {SHAPE}, {precision}", f"{seconds[1] / seconds[count]:.2f} times", "1.8 for 2")


def window() -> None:
    """A token's time as the window grows."""
    lengths = (50, 200, 1000)
    steps = {T: training("lstm", Shape(2, 512, V=65, B=32, T=T), cpu_count()).step for T in lengths}

    def as_many_tokens(T: int) -> Callable[[], object]:
        """Whatever the window: what else the machine does then falls upon all alike."""
        return lambda: [steps[T]() for _ in range(max(lengths) // T)]

    seconds = in_turns({T: as_many_tokens(T) for T in lengths}, turns=5)
    per_token = {T: 1e6 * seconds[T] / (32 * max(lengths)) for T in lengths}
    for T in lengths:
        row(f"a token, lstm 2x512, windows of {T}", f"{per_token[T]:.2f} us", "")
    spread = max(per_token.values()) / min(per_token.values()) - 1
    row("the dearest above the cheapest", f"{spread:.1%}", "10 %")


def corpus() -> None:
    """A window's time, read from a mapped file, as the corpus grows; and the memory that takes, without the pages of
    the file itself, which the system lends while nobody else wants them."""
    block = np.random.default_rng(0).integers(0, 65, 1_000_000).astype(np.uint8).tobytes()
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in (1, 1000):
            path = Path(folder) / f"{megabytes}"
            with path.open("wb") as file:
                for _ in range(megabytes):
                    file.write(block)
            tokens = np.memmap(path, np.uint8, "r")
            trained = training("lstm", SHAPE, cpu_count())
            streams = Streams(tokens, SHAPE.B, SHAPE.T)
            times = []
            before = resident("RssAnon")
            for k in range(min(streams.windows, 40)):
                begun = time.perf_counter()
                trained.network.gradient(*streams.window(k))
                trained.network.carry()
                times.append(time.perf_counter() - begun)
            found = f"{1e6 * statistics.median(times[3:]) / SHAPE.tokens:.2f} us"
            row(f"a token, forward and back, corpus of {megabytes} MB", found, "flat within 10 %")
            row(
                f"memory it took to read 40 windows of {megabytes} MB", f"{resident('RssAnon') - before:.0f} MB", "flat"
            )


def memory() -> None:
    """The memory of a step at T 1000, against PyTorch's, and the time of computing gates again."""
    found = {}
    for side in ("pytorch", "kept", "again"):
        told = subprocess.run([sys.executable, __file__, "--one", side], capture_output=True, text=True, check=True)
        found[side] = json.loads(told.stdout)
    for side, target in (("kept", "0.6"), ("again", "0.2")):
        ratio = found[side]["megabytes"] / found["pytorch"]["megabytes"]
        name = {"kept": "memory of a step", "again": "memory with --recompute"}[side]
        row(f"{name}, {LONG}, against PyTorch", f"{ratio:.2f} ({found[side]['megabytes']:.0f} MB)", f"{target} times")
    steps = {side: training("lstm", LONG, cpu_count(), recompute=side == "again").step for side in ("kept", "again")}
    seconds = in_turns(steps, turns=3)
    row("time with --recompute, against without", f"{seconds['again'] / seconds['kept']:.2f} times", "1.4 times")


def one(side: str) -> None:
    """Print the most memory that two steps take, of this process."""

    def make(shape: Shape) -> Callable[[], object]:
        if side == "pytorch":
            return pytorchs("lstm", shape, cpu_count())
        return training("lstm", shape, cpu_count(), recompute=side == "again").step

    make(TINY)()  # what is loaded and compiled is no part of it
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # begins the maximum anew
    step = make(LONG)
    step()
    step()
    most = resident("VmHWM") if Path("/proc/self/status").exists() else resource.getrusage(0).ru_maxrss / 1e3
    print(json.dumps({"megabytes": most - before}))


def resident(name: str) -> float:
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
            events = {event["event"]: event for event in lines(Path(folder) / "runs" / name / "events.jsonl")}
            compiled = events["compiled"]
            if name == "cold":
                words = f"{compiled['seconds']:.1f} s, {compiled['kernels']} kernels"
                row("compiling of one cell, training and sampling", words, "20 s")
            elif name == "warm-3":
                row("warm, from command to first step", f"{events['planned']['at'] - begun:.2f} s", "2 s")
                row("kernels compiled in a warm start", str(compiled["kernels"]), "0")


def lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        yield json.loads(line)


PARTS = {part.__name__: part for part in (cores, window, corpus, memory, start)}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
        return
    row("", "measured", "target")
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
