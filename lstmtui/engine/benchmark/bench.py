"""Measures how fast this machine trains.

    python -m lstmtui.engine.benchmark.bench [--cells ...] [--shapes ...] [--profile] ...

One JSON object a line for each cell and shape, as soon as it is measured; or {"error": sentence, "exit_code": n}.
What is timed is what trains: `LanguageModel` and `Optimizer`, from tokens to new weights, with embedding and hidden
of one size, an untied softmax and no dropout, on random tokens.

    milliseconds          of one training step, the median
    tokens_per_second     T * B a step
    gflops                6 operations a token for each weight of the recurrent, input and softmax matrices: to multiply
                          and add, once forward and twice backward; nothing else is counted
    peak_gflops, share    the rate of float32 multiply-adds that the processor reaches on as many threads (`roofline`),
                          and the share of it used, above 1 where products in bfloat16 are faster; null for a GPU
    step_microseconds     of one token through the network at batch 1, as in sampling, on one thread of the processor,
                          which also samples for networks that train on a GPU; the median
    parts                 with --profile: the parts of a training step, each beside its limit (`profile`)
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.hardware import cpu_count, machine_memory_bytes
from lstmtui.config import RunSettings, Settings
from lstmtui.engine.answering import error_answer, write_line
from lstmtui.engine.backend import CELLS, CPU, HAS_BFLOAT16, Device
from lstmtui.engine.backend import device as device_of
from lstmtui.engine.benchmark.profile import Profile
from lstmtui.engine.benchmark.roofline import bandwidth, peak
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.memory_size import activation_count, check_room
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, Parameter, parameters
from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.training_step import Update, take_step
from lstmtui.engine.step_plan import median_seconds
from lstmtui.errors import LstmtuiError, UsageError

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network and of its window, written 2x256xV65xB32xT32."""

    L: int
    H: int
    V: int = 65
    B: int = 32
    T: int = 32

    def __str__(self) -> str:
        return f"{self.L}x{self.H}xV{self.V}xB{self.B}xT{self.T}"

    @property
    def tokens(self) -> int:
        """Tokens of one training step."""
        return self.T * self.B

    def settings(self, cell: str, **changes: Any) -> RunSettings:
        """Return the settings of a run with `cell`, in float32 unless `changes` say otherwise."""
        sizes: dict[str, Any] = {"layers": self.L, "hidden": self.H, "embedding": self.H, "batch": self.B}
        chosen = {
            "precision": "float32",
            "tied": False,
            "ema": 0.0,
            "bptt": self.T,
            "lr": 2e-3,
            "steps": 1,
            **sizes,
            **changes,
        }
        return RunSettings.of(Settings(cell=cell, **chosen))


SHAPES = {
    "chars": Shape(2, 256),
    "chars-small": Shape(2, 128, V=65, B=50, T=50),
    "chars-large": Shape(2, 512, V=65, B=32, T=100),
    "words-small": Shape(2, 200, V=10_000, B=20, T=20),  # Zaremba et al. 2014, arXiv:1409.2329, as is the next
    "words-medium": Shape(2, 650, V=10_000, B=20, T=35),
}
"""Named shapes."""

_WRITTEN = re.compile(
    r"(?P<layers>\d+)x(?P<hidden>\d+)(?:xV(?P<vocabulary>\d+))?(?:xB(?P<batch>\d+))?(?:xT(?P<bptt>\d+))?"
)


def parse_shape(text: str) -> Shape:
    """Return the shape of a name or of sizes; missing sizes have the defaults of `Shape`. Raises UsageError."""
    if text in SHAPES:
        return SHAPES[text]
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--shapes: {text!r} is not a shape; write layers x hidden, vocabulary, batch and steps as in "
            f"{SHAPES['chars-large']}, or a name: {', '.join(SHAPES)}."
        )
    given = {name: config.convert(name, size, f"--shapes {text}") for name, size in found.groupdict().items() if size}
    return Shape(
        **{letter: given[name] for letter, name in zip("LHVBT", found.groupdict(), strict=True) if name in given}
    )


# --- what is timed ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Workload:
    """A new network and its training step."""

    network: LanguageModel
    step: Callable[[], float]
    """Trains on one window of random tokens, always the same, and returns the loss before the update."""


def make_workload(cell: str, shape: Shape, threads: int, **changes: Any) -> Workload:
    """Return a new network that trains, on the processor unless `changes`, which are settings, name another device.

    Raises UsageError, MemoryError.
    """
    s = shape.settings(cell, **changes)
    layout, on = parameters(s, shape.V), device_of(changes.get("device", "cpu"))
    if on.name == "cpu":
        _check_memory(cell, shape, s, layout)
    check_room(s, shape.V, shape.T, shape.B, on)
    weights = Arena(layout, device=on)
    weights.initialise(s.run.seed)
    network = LanguageModel(s, weights, shape.T, shape.B, threads=threads, backward=True)
    optimizer = Optimizer(s, weights, threads)
    x, y = np.random.default_rng(0).integers(0, shape.V, (2, shape.T, shape.B)).astype(np.int32)
    drop = Dropout(
        inputs=s.regularisation.dropout_in, layers=s.regularisation.dropout, weights=s.regularisation.weight_drop, key=1
    )
    count = 0

    def step() -> float:
        nonlocal count
        count += 1
        update = Update(count, lr=1e-3, clip=s.optimisation.clip, weight_decay=s.regularisation.weight_decay)
        found = take_step(optimizer, network.gradients, lambda: network.gradient(x, y, drop), update)
        network.carry()
        return found.loss

    return Workload(network, step)


def training_step(cell: str, shape: Shape, threads: int, precision: str = "float32") -> Callable[[], float]:
    """Return a function that trains a new network on one window of random tokens, and returns the loss before
    the update. Raises UsageError, MemoryError.
    """
    return make_workload(cell, shape, threads, precision=precision).step


def single_step(cell: str, shape: Shape, precision: str = "float32") -> Step:
    """Return a function that reads one token at batch 1, as sampling does. Raises MemoryError."""
    s = shape.settings(cell, precision=precision)
    weights = Arena(parameters(s, shape.V))
    weights.initialise(s.run.seed)
    reader, token = IncrementalModel(s, weights), np.zeros((1, 1), np.int32)
    return lambda: reader.read(token)


def flops_per_token(cell: str, shape: Shape) -> int:
    """Return 6 for each weight of a matrix product; looking up an embedding counts nothing."""
    layout = parameters(shape.settings(cell), shape.V)
    return 6 * sum(p.shape[0] * p.shape[1] for p in layout if p.name.endswith((".W_ih", ".W_hh", ".W")))


def _check_memory(cell: str, shape: Shape, s: RunSettings, layout: list[Parameter]) -> None:
    """Raise UsageError where the network would make the machine swap."""
    weights = 4 * sum(int(np.prod(p.shape)) for p in layout)  # themselves, gradients, two moments
    needed = 4 * (weights + activation_count(s, shape.V, shape.T, shape.B))
    available = machine_memory_bytes()
    if needed > 0.8 * available:
        raise UsageError(
            f"--shapes {shape}: {cell} needs about {needed / 1e9:.1f} GB of this machine's {available / 1e9:.1f}; "
            f"choose a smaller one."
        )


# --- results ----------------------------------------------------------------------------------------------------------


def median(step: Step, seconds: float) -> float:
    """Return the median seconds of a step, after two that compile and warm up."""
    for _ in range(2):
        step()
    return median_seconds(step, at_least=seconds, max_calls=1_000_000)


def profile(workload: Workload, seconds: float, limits: Limits) -> list[dict[str, Any]]:
    """Return the parts of a training step, and the rest of it; see `lstmtui.engine.benchmark.profile`."""
    profiled = Profile()
    with profiled.of(workload.network):
        workload.step()
        profiled.parts.clear()
        whole, steps, end = 0.0, 0, time.perf_counter() + seconds
        while steps < 3 or time.perf_counter() < end:
            begun = time.perf_counter()
            workload.step()
            whole += time.perf_counter() - begun
            steps += 1
    rows = [part.row(steps, limits.gflops, limits.gigabytes_per_second) for part in profiled.parts.values()]
    rest = 1e3 * (whole - sum(part.seconds for part in profiled.parts.values())) / steps
    return [*rows, {"part": "the rest", "milliseconds": round(rest, 4), "limit_milliseconds": 0.0, "limit": ""}]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the processor on as many threads as train; zeros where a GPU trains."""

    gflops: float = 0.0
    gigabytes_per_second: float = 0.0
    """Measured for a profile only, else 0."""


def measure(
    cell: str,
    shape: Shape,
    *,
    threads: int,
    seconds: float,
    limits: Limits,
    precision: str = "float32",
    on: Device = CPU,
) -> dict[str, Any]:
    """Measure one cell and shape for about so many seconds. Raises UsageError."""
    try:
        workload = make_workload(cell, shape, threads, precision=precision, device=on.name)
        step_seconds = median(workload.step, 0.8 * seconds)
        token_seconds = median(single_step(cell, shape, precision), 0.2 * seconds)
    except MemoryError as error:
        raise UsageError(f"--shapes {shape}: {cell} does not fit the memory; choose a smaller one.") from error
    gflops = 1e-9 * flops_per_token(cell, shape) * shape.tokens / step_seconds
    result = {
        "cell": cell,
        "shape": str(shape),
        **dataclasses.asdict(shape),
        "device": on.name,
        "threads": threads,
        "precision": on.resolve_precision(precision, np.float32),
        "milliseconds": round(1e3 * step_seconds, 4),
        "tokens_per_second": round(shape.tokens / step_seconds, 1),
        "gflops": round(gflops, 3),
        "peak_gflops": round(limits.gflops, 1) or None,
        "share": round(gflops / limits.gflops, 5) if limits.gflops else None,
        "step_microseconds": round(1e6 * token_seconds, 2),
    }
    if limits.gigabytes_per_second:
        result["gigabytes_per_second"] = round(limits.gigabytes_per_second, 1)
        result["parts"] = profile(workload, 0.8 * seconds, limits)
    return result


def results(
    *, cells: str, shapes: str, threads: str, seconds: str, precision: str, device: str, profile: bool
) -> Iterator[dict[str, Any]]:
    """Yield one result for each shape, cell and precision; arguments are as on the command line. Raises UsageError."""
    chosen = [config.convert("cell", name, "--cells") for name in cells.split(",")]
    sizes = [parse_shape(text) for text in shapes.split(",")]
    count = config.convert("threads", threads, "--threads") or min(cpu_count(), 16)
    on = device_of(config.convert("device", device, "--device"))
    if profile and on.name != "cpu":
        raise UsageError("--profile: measures the processor only; add --device cpu, or leave --profile out.")
    kinds = [config.convert("precision", name, "--precision") for name in precision.split(",")]
    if "auto" in kinds:
        faster = "auto" if on.resolve_precision("auto", np.float32) != "float32" else None
        kinds = ["float32", *([faster] if faster else [])]
    elif "bfloat16" in kinds and on.name == "cpu" and not HAS_BFLOAT16:
        raise UsageError(
            "--precision: products in bfloat16 need compiled code, and NUMBA_DISABLE_JIT is set; leave bfloat16 out."
        )
    try:
        length = float(seconds)
    except ValueError:
        length = 0.0
    if not 0 < length <= 3600:
        raise UsageError(f"--seconds: must be a number above 0 and at most 3600, not {seconds!r}.")
    limits = Limits(peak(count), bandwidth(count) if profile else 0.0) if on.name == "cpu" else Limits()
    for shape in sizes:
        for cell in chosen:
            for kind in kinds:
                yield measure(cell, shape, threads=count, seconds=length, limits=limits, precision=kind, on=on)


def main(arguments: list[str]) -> int:
    """Measure, print, and return an exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to clean up
    parser = argparse.ArgumentParser(
        prog="python -m lstmtui.engine.benchmark.bench", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--cells", default=",".join(CELLS), help="separated by commas")
    parser.add_argument("--shapes", default="chars", help=f"such as 2x512xV65xB32xT100, or of {', '.join(SHAPES)}")
    parser.add_argument("--threads", default="auto", help="of training")
    parser.add_argument("--seconds", default="5", help="of timing, for each cell, shape and precision")
    parser.add_argument("--precision", default="auto", help="float32, bfloat16 or both; auto: all that are useful here")
    parser.add_argument("--device", default="auto", help="that trains: cpu, cuda, or auto: a GPU if there is one")
    parser.add_argument("--profile", action="store_true", help="also the parts of a training step")
    try:
        for result in results(**vars(parser.parse_args(arguments))):
            write_line(result)
    except LstmtuiError as error:
        write_line(error_answer(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
