"""How fast training is on this machine: python -m lstmtui.engine.bench [--cells ...] [--shapes ...] [--threads N].

One JSON object a line for each cell and shape, as soon as it is measured; or {"error": sentence, "exit_code": n}.
What is timed is what trains: `Network` and `Optimizer`, from tokens to new weights, with embedding and hidden of one
size, an untied softmax and no dropout, on random tokens.

    milliseconds          of one training step, the median
    tokens_per_second     T * B a step
    gflops                6 operations a token for each weight of the recurrent, input and softmax matrices: to multiply
                          and add, once forward and twice backward; nothing else is counted
    peak_gflops, share    what the processor's multiply-adds reach on as many threads (`peak`), and the part of it used
    step_microseconds     of one token through the network at batch 1, as in sampling, on one thread; the median
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.config import Settings
from lstmtui.engine.backend import CELLS
from lstmtui.engine.model import Network
from lstmtui.engine.optimizer import Optimizer
from lstmtui.engine.params import Arena, Parameter, parameters
from lstmtui.engine.peak import peak
from lstmtui.engine.plan import seconds_of
from lstmtui.engine.reader import Reader
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.files import to_json
from lstmtui.machine import cpu_count

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network and of the window it reads, written 2x256xV65xB32xT32."""

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

    def settings(self, cell: str) -> Settings:
        """Return the settings of a run with `cell`."""
        return Settings(
            cell=cell, layers=self.L, hidden=self.H, embedding=self.H, tied=False, ema=0.0, batch=self.B, bptt=self.T
        )


SHAPES = {
    "chars": Shape(2, 256),
    "chars-small": Shape(2, 128, V=65, B=50, T=50),
    "chars-large": Shape(2, 512, V=65, B=32, T=100),
    "words-small": Shape(2, 200, V=10_000, B=20, T=20),  # Zaremba et al. 2014, arXiv:1409.2329, as is the next
    "words-medium": Shape(2, 650, V=10_000, B=20, T=35),
}
"""Shapes with a name."""

_WRITTEN = re.compile(
    r"(?P<layers>\d+)x(?P<hidden>\d+)(?:xV(?P<vocabulary>\d+))?(?:xB(?P<batch>\d+))?(?:xT(?P<bptt>\d+))?"
)


def shape_of(text: str) -> Shape:
    """Return the shape that `text` names or spells; sizes left out are those of `Shape`. Raises UsageError."""
    if text in SHAPES:
        return SHAPES[text]
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--shapes: {text!r} is no shape; write layers x hidden, vocabulary, batch and steps as in "
            f"{SHAPES['chars-large']}, or a name: {', '.join(SHAPES)}."
        )
    given = {name: config.convert(name, size, f"--shapes {text}") for name, size in found.groupdict().items() if size}
    return Shape(
        **{letter: given[name] for letter, name in zip("LHVBT", found.groupdict(), strict=True) if name in given}
    )


# --- what is timed ----------------------------------------------------------------------------------------------------


def training_step(cell: str, shape: Shape, threads: int) -> Callable[[], float]:
    """Return a function that trains a new network on one window of random tokens, and returns the loss before.

    Raises UsageError, MemoryError.
    """
    s = shape.settings(cell)
    layout = parameters(s, shape.V)
    _check_memory(cell, shape, layout)
    weights = Arena(layout)
    weights.initialise(s.seed)
    network = Network(s, weights, shape.T, shape.B, threads=threads, backward=True)
    optimizer = Optimizer(s, weights, threads)
    x, y = np.random.default_rng(0).integers(0, shape.V, (2, shape.T, shape.B)).astype(np.int32)
    count = 0

    def step() -> float:
        nonlocal count
        count += 1
        loss = network.gradient(x, y)
        norm = optimizer.norm(network.gradients)
        optimizer.apply(
            network.gradients, norm=norm, step=count, lr=1e-3, clip=s.clip, weight_decay=s.weight_decay
        )  # fmt: skip
        network.carry()
        return loss

    return step


def single_step(cell: str, shape: Shape) -> Step:
    """Return a function that reads one token at batch 1, as sampling does. Raises MemoryError."""
    s = shape.settings(cell)
    weights = Arena(parameters(s, shape.V))
    weights.initialise(s.seed)
    reader, token = Reader(s, weights), np.zeros((1, 1), np.int32)
    return lambda: reader.read(token)


def flops_per_token(cell: str, shape: Shape) -> int:
    """Return 6 for each weight that takes part in a product; reading the embedding is none."""
    layout = parameters(shape.settings(cell), shape.V)
    return 6 * sum(p.shape[0] * p.shape[1] for p in layout if p.name.endswith((".W_ih", ".W_hh", ".W")))


def _check_memory(cell: str, shape: Shape, layout: list[Parameter]) -> None:
    """Refuse what would drive the machine into swapping. Raises UsageError."""
    spec = CELLS[cell]
    of_unit = len(spec.saved) + 5  # gates and what else is saved; h, c, inputs and gradients of h
    weights = 4 * sum(int(np.prod(p.shape)) for p in layout)  # themselves, gradients, two moments
    needed = 4 * (weights + shape.tokens * (shape.V + shape.L * shape.H * of_unit))
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.8 * there:
        raise UsageError(
            f"--shapes {shape}: {cell} needs about {needed / 1e9:.1f} GB of this machine's {there / 1e9:.1f}; "
            f"choose a smaller one."
        )


# --- results ----------------------------------------------------------------------------------------------------------


def median(step: Step, seconds: float) -> float:
    """Return the median seconds of a step, after two that compile and warm up."""
    for _ in range(2):
        step()
    return seconds_of(step, at_least=seconds, most=1_000_000)


def measure(cell: str, shape: Shape, *, threads: int, seconds: float, peak_gflops: float) -> dict[str, Any]:
    """Return what is known of one cell and shape after about so many seconds. Raises UsageError."""
    try:
        training = median(training_step(cell, shape, threads), 0.8 * seconds)
        stepping = median(single_step(cell, shape), 0.2 * seconds)
    except MemoryError as error:
        raise UsageError(f"--shapes {shape}: {cell} does not fit the memory; choose a smaller one.") from error
    gflops = 1e-9 * flops_per_token(cell, shape) * shape.tokens / training
    return {
        "cell": cell,
        "shape": str(shape),
        **dataclasses.asdict(shape),
        "threads": threads,
        "precision": "float32",
        "milliseconds": round(1e3 * training, 4),
        "tokens_per_second": round(shape.tokens / training, 1),
        "gflops": round(gflops, 3),
        "peak_gflops": round(peak_gflops, 1),
        "share": round(gflops / peak_gflops, 5),
        "step_microseconds": round(1e6 * stepping, 2),
    }


def results(*, cells: str, shapes: str, threads: str, seconds: str) -> Iterator[dict[str, Any]]:
    """Yield one result for each shape and cell, all as written on the command line. Raises UsageError."""
    chosen = [config.convert("cell", name, "--cells") for name in cells.split(",")]
    sizes = [shape_of(text) for text in shapes.split(",")]
    count = config.convert("threads", threads, "--threads") or min(cpu_count(), 16)
    try:
        length = float(seconds)
    except ValueError:
        length = 0.0
    if not 0 < length <= 3600:
        raise UsageError(f"--seconds: must be a number above 0 and at most 3600, not {seconds!r}.")
    limit = peak(count)
    for shape in sizes:
        for cell in chosen:
            yield measure(cell, shape, threads=count, seconds=length, peak_gflops=limit)


def main(arguments: list[str]) -> int:
    """Measure, print, and return an exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to put away: Ctrl-C ends it without a word
    parser = argparse.ArgumentParser(
        prog="python -m lstmtui.engine.bench", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--cells", default=",".join(CELLS), help="separated by commas")
    parser.add_argument("--shapes", default="chars", help=f"such as 2x512xV65xB32xT100, or of {', '.join(SHAPES)}")
    parser.add_argument("--threads", default="auto", help="of training")
    parser.add_argument("--seconds", default="5", help="of timing, for each cell and shape")
    try:
        for result in results(**vars(parser.parse_args(arguments))):
            print(to_json(result), flush=True)
    except LstmtuiError as error:
        print(to_json({"error": str(error), "exit_code": error.exit_code}), flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
