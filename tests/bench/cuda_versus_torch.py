"""Training steps of lstmtui on a GPU beside those of PyTorch (cuDNN), alternating in one session. A table last.

    python tests/bench/cuda_versus_torch.py [--only lstm,gru/2x512] [--precision float32,tf32,bfloat16] [--seconds 3]

Needs a GPU, PyTorch for CUDA, and the extra `cuda`. A step: embedding, layers, linear, softmax cross-entropy, all
gradients, clipping by norm, AdamW; states carried, embedding and hidden of one size; the same precision on both sides.
LSTM, GRU and RNN are compared with `torch.nn`'s; peephole and coupled cells, which PyTorch lacks, with a loop over
time as its users write one, and with lstmtui's LSTM.

Times are between events on the device, medians of all turns. `ratio` above 1 says that lstmtui is faster; `of peak` is
the rate of its multiply-adds divided by that of a large product in PyTorch here. lstmtui goes three ways: a product at
each time step, started one by one (`steps`) or as a graph with the rest (`graph`), and one kernel for all time steps,
in such a graph too (`persistent`).
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections.abc import Sequence

from alternating import Side, Timing, milliseconds, ratio, time_alternating

from lstmtui.engine.benchmark.bench import flops_per_token, parse_shape

SHAPES = (
    "2x512xV65xB32xT100", "2x650xV10000xB20xT35", "3x1150xV33278xB80xT70", "1x2048xV256xB128xT256",
    "1x512xV256xB1xT100", "1x512xV256xB16xT100", "1x1024xV256xB1xT100", "1x1024xV256xB16xT100",
)  # fmt: skip
PRECISIONS = ("float32", "tf32", "bfloat16")
CELLS = ("lstm", "gru", "rnn", "peephole", "coupled")
WAYS = ("steps", "graph", "persistent")
COLUMNS = (*(f"{way} ms" for way in WAYS), "torch ms", "ratio", "to lstm", "of peak")


def peak_tflops(precision: str) -> float:
    """Return the multiply-adds a second, in TFLOP, of a large product in PyTorch."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    n = 8192
    a, b = torch.randn(2, n, n, device="cuda", dtype=kind)
    best = float("inf")
    for _ in range(10):
        begun, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begun.record()
        a @ b
        ended.record()
        ended.synchronize()
        best = min(best, begun.elapsed_time(ended))
    return 2e-9 * n**3 / best


def sides_of(cell: str, sizes: list[int], precision: str) -> list[Side]:
    """Return the three ways of lstmtui, then PyTorch."""
    ours = [Side("ours", "cuda_training_step", (cell, sizes, precision, way), times_itself=True) for way in WAYS]
    torch = Side("pytorch_steps", "training_step", (cell, sizes, 1, "hoisted", "cuda", precision), times_itself=True)
    return [*ours, torch]


def tflops(cell: str, shape: str, timing: Timing) -> float:
    """Return the rate of a step's multiply-adds in TFLOP a second."""
    sizes = parse_shape(shape)
    return 1e-12 * flops_per_token(cell, sizes) * sizes.tokens / timing.seconds


def row(name: str, precision: str, cells: Sequence[str]) -> str:
    """Return one line of the table."""
    return f"{name:<30} {precision:<9} " + " ".join(
        f"{text:>{max(9, len(column))}}" for text, column in zip(cells, COLUMNS, strict=True)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="what names must begin with, by commas: lstm, gru/2x512, ...")
    parser.add_argument("--precision", default=",".join(PRECISIONS), help="separated by commas")
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
    rows = []
    for precision in args.precision.split(","):
        peak = peak_tflops(precision)
        for shape in SHAPES:
            lstm = Timing(error="not measured")
            for cell in CELLS:
                name = f"{cell}/{shape}"
                if not name.startswith(tuple(args.only.split(","))):
                    continue
                sizes = list(dataclasses.astuple(parse_shape(shape)))
                *ways, torchs = time_alternating(sides_of(cell, sizes, precision), args.seconds, args.turns)
                best = min(ways, key=lambda way: way.seconds if way.turns else math.inf)
                lstm = best if cell == "lstm" else lstm
                share = tflops(cell, shape, best) / peak
                times = [milliseconds(timing) for timing in (*ways, torchs)]
                figures = [ratio(best, torchs), ratio(best, lstm), f"{100 * share:.1f}%" if best.turns else "-"]
                rows.append(row(name, precision, [*times, *figures]))
                print(rows[-1], file=sys.stderr, flush=True)
                for side, timing in zip((*WAYS, "torch"), (*ways, torchs), strict=True):
                    if timing.error:
                        print(f"    {side}: {timing.error}", file=sys.stderr)
    print(row("", "", COLUMNS), *rows, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
