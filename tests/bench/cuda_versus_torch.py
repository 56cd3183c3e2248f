"""Training steps of ours on a GPU against PyTorch's (cuDNN) there, alternating in one run. One command, a table last.

    python tests/bench/cuda_versus_torch.py [--only lstm,gru/2x512] [--precision float32,tf32,bfloat16] [--seconds 3]

Needs a GPU, PyTorch for CUDA, and the extra `cuda`. A step: embedding, layers, linear, softmax cross-entropy, all
gradients, clipping by norm, AdamW; states carried, embedding and hidden of one size; the same precision on both sides.
LSTM, GRU and RNN meet `torch.nn`'s; peephole and coupled cells, which PyTorch lacks, meet a loop over time as its
users write one, and our own LSTM.

Each side lives in a process of its own and they take turns. Times are between events on the device, medians of all
turns. `ratio` above 1 says that ours is faster; `of peak` is the share that our multiply-adds have of the most that a
large product of PyTorch reaches here. Ours goes three ways: a product at each step, started one by one (`steps`) or as
a graph with the rest (`graph`), and one kernel for all steps, in such a graph too (`walk`).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

SHAPES = (
    "2x512xV65xB32xT100", "2x650xV10000xB20xT35", "3x1150xV33278xB80xT70", "1x2048xV256xB128xT256",
    "1x512xV256xB1xT100", "1x512xV256xB16xT100", "1x1024xV256xB1xT100", "1x1024xV256xB16xT100",
)  # fmt: skip
PRECISIONS = ("float32", "tf32", "bfloat16")
BUILT_IN = ("lstm", "gru", "rnn")

WAYS = ("steps", "graph", "walk")

Timed = Callable[[], float]
"""Take a step and return its milliseconds on the device."""


def timed(step: Callable[[], object], event: Callable[[], Any]) -> Timed:
    """Return a function that takes a step and returns its milliseconds between two events of the device."""

    def one() -> float:
        begun, ended = event(), event()
        begun.record()
        step()
        ended.record()
        ended.synchronize()
        return float(begun.elapsed_time(ended))

    return one


def ours(cell: str, shape: str, precision: str, way: str) -> Timed:
    """Return a step of ours."""
    from lstm_kernels.cell_table import CELLS
    from lstm_kernels.cuda import graphs, persistent, recurrence
    from lstm_kernels.cuda.launch import cuda

    from lstmtui.engine.benchmark.bench import shape_of, training

    recurrence.way, graphs.records, s = "walk" if way == "walk" else "steps", way != "steps", shape_of(shape)
    if way == "walk" and not persistent.fits(s.B, len(CELLS[cell].gates), s.H, 4):
        raise ValueError("too large for one kernel")
    # What a run calls auto is tf32 here.
    wanted = "auto" if precision == "tf32" else precision
    step = training(cell, s, 1, device="cuda", precision=wanted).step

    return timed(step, cuda.event)


def pytorchs(cell: str, shape: str, precision: str, way: str) -> Timed:
    """Return a step of PyTorch's."""
    import torch

    from lstmtui.engine.benchmark.bench import shape_of

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.manual_seed(0)
    s = shape_of(shape)
    with torch.device("cuda"):
        embed, out = torch.nn.Embedding(s.V, s.H), torch.nn.Linear(s.H, s.V)
        built_in = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}.get(cell)
        layers = [built_in(s.H, s.H, s.L)] if built_in else [users_layer(cell, s.H) for _ in range(s.L)]
        zero = torch.zeros(s.B, s.H)
        states: list[Any] = [None] if built_in else [(zero, zero) for _ in range(s.L)]
        x, y = torch.randint(s.V, (2, s.T, s.B))
    weights = [w for module in (embed, *layers, out) for w in module.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, betas=(0.9, 0.99), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16"):
            above = embed(x)
            for k, layer in enumerate(layers):
                above, state = layer(above, states[k])
                states[k] = tuple(h.detach() for h in state) if isinstance(state, tuple) else state.detach()
            loss = torch.nn.functional.cross_entropy(out(above).reshape(-1, s.V), y.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()

    return timed(step, lambda: torch.cuda.Event(enable_timing=True))


def users_layer(cell: str, H: int) -> Any:
    """Return a peephole or coupled layer as a loop over time; the input's product is taken out of it."""
    import torch

    gates = 4 if cell == "peephole" else 3

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            bound = H**-0.5
            self.W_ih = torch.nn.Parameter(torch.empty(H, gates * H).uniform_(-bound, bound))
            self.W_hh = torch.nn.Parameter(torch.empty(H, gates * H).uniform_(-bound, bound))
            self.b = torch.nn.Parameter(torch.zeros(gates * H))
            self.p = torch.nn.Parameter(torch.zeros(3, H))

        def forward(self, x: Any, state: Any) -> Any:
            h, c = state
            outputs, p = [], self.p
            for a_x in x @ self.W_ih + self.b:
                a = (a_x + h @ self.W_hh).chunk(gates, 1)
                if cell == "peephole":
                    i, f = torch.sigmoid(a[0] + p[0] * c), torch.sigmoid(a[1] + p[1] * c)
                    c = f * c + i * torch.tanh(a[2])
                    h = torch.sigmoid(a[3] + p[2] * c) * torch.tanh(c)
                else:
                    i = torch.sigmoid(a[0])
                    c = (1 - i) * c + i * torch.tanh(a[1])
                    h = torch.sigmoid(a[2]) * torch.tanh(c)
                outputs.append(h)
            return torch.stack(outputs), (h, c)

    return Layer()


def peak(precision: str) -> float:
    """Return the multiply-adds a second, in TFLOP, of a large product in PyTorch."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    n = 8192
    a, b = torch.randn(2, n, n, device="cuda", dtype=kind)
    best = float("inf")
    for _ in range(10):
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in "be")
        begun.record()
        a @ b
        ended.record()
        ended.synchronize()
        best = min(best, begun.elapsed_time(ended))
    return 2e-9 * n**3 / best


_step: Timed


def prepare(make: Callable[..., Timed], given: tuple[str, ...]) -> None:
    """Make the step of this process, and take three to compile and warm up."""
    global _step
    _step = make(*given)
    for _ in range(3):
        _step()


def turn(seconds: float) -> list[float]:
    """Return the milliseconds of each step for so long, the first left out."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        times.append(_step())
    return times[1:]


def medians(sides: list[tuple[Callable[..., Timed], tuple[str, ...]]], seconds: float, turns: int) -> list[float | str]:
    """Return the median milliseconds of each side, or why it has none."""
    spawn = get_context("spawn")
    pools = [ProcessPoolExecutor(1, mp_context=spawn, initializer=prepare, initargs=side) for side in sides]
    times: list[list[float]] = [[] for _ in sides]
    wrong: dict[int, str] = {}
    try:
        for number in range(len(sides) * turns):
            side = number % len(sides)
            if side not in wrong:
                try:
                    times[side] += pools[side].submit(turn, seconds / turns).result()
                except Exception as error:
                    wrong[side] = f"{type(error).__name__}: {error}"
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)
    return [wrong.get(k) or statistics.median(found) for k, found in enumerate(times)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="what names must begin with, by commas: lstm, gru/2x512, ...")
    parser.add_argument("--precision", default=",".join(PRECISIONS), help="by commas")
    parser.add_argument("--seconds", type=float, default=3.0, help="of timing, for each side")
    parser.add_argument("--turns", type=int, default=3, help="in how many turns")
    args = parser.parse_args()
    from lstmtui.engine.backend import cuda_info, cuda_unavailable_reason

    if (missing := cuda_unavailable_reason()) is not None:
        print(f"Nothing to measure: {missing}.", file=sys.stderr)
        return 2
    try:
        import torch
    except ImportError:
        print("Nothing to compare with: PyTorch is not installed.", file=sys.stderr)
        return 2
    print(cuda_info(), f"torch {torch.__version__}", f"cuDNN {torch.backends.cudnn.version()}", file=sys.stderr)
    from lstmtui.engine.benchmark.bench import flops_per_token, shape_of

    rows = []
    for precision in args.precision.split(","):
        top = peak(precision)
        for shape in SHAPES:
            lstm: float | str = "?"
            for cell in (*BUILT_IN, "peephole", "coupled"):
                name = f"{cell}/{shape}"
                if not name.startswith(tuple(args.only.split(","))):
                    continue
                given = (cell, shape, precision)
                sides = [*((ours, (*given, way)) for way in WAYS), (pytorchs, (*given, ""))]
                *ways, theirs = medians(sides, args.seconds, args.turns)
                best = min((t for t in ways if isinstance(t, float)), default=ways[0])
                lstm = best if cell == "lstm" else lstm
                s = shape_of(shape)
                work = 1e-9 * flops_per_token(cell, s) * s.T * s.B
                rows.append(
                    f"{name:<30} {precision:<9} {' '.join(map(_ms, (*ways, theirs)))} {_ratio(theirs, best)} "
                    f"{_ratio(lstm, best)} {_percent(work, best, top)}"
                )
                print(rows[-1], file=sys.stderr, flush=True)
                for side, found in zip((*WAYS, "torch"), (*ways, theirs), strict=True):
                    if isinstance(found, str):
                        print(f"    {side}: {found}", file=sys.stderr)
    times = " ".join(f"{f'{side} ms':>9}" for side in (*WAYS, "torch"))
    columns = f"{times} {'ratio':>7} {'to lstm':>7} {'of peak':>7}"
    print(f"{'':30} {'':9} {columns}", *rows, sep="\n")
    return 0


def _ms(found: float | str) -> str:
    return f"{found:9.3f}" if isinstance(found, float) else f"{'failed':>9}"


def _ratio(over: float | str, under: float | str) -> str:
    return f"{over / under:7.2f}" if isinstance(over, float) and isinstance(under, float) else f"{'-':>7}"


def _percent(work: float, milliseconds: float | str, top: float) -> str:
    return f"{100 * work / milliseconds / top:6.1f}%" if isinstance(milliseconds, float) else f"{'-':>7}"


if __name__ == "__main__":
    sys.exit(main())
