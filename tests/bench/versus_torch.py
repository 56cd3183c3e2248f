"""Training steps and single tokens of lstmtui beside those of PyTorch and ONNX Runtime, alternating in one session.

    python tests/bench/versus_torch.py [--only lstm,gru/chars] [--seconds 3] [--turns 3] [--threads N] [--compiled]
    python tests/bench/versus_torch.py --against FOLDER      beside another checkout of lstmtui instead

A training step: embedding, two layers, linear, softmax cross-entropy, all gradients, clipping by norm, AdamW; states
carried, float32 (lstmtui also in bfloat16), embedding and hidden of one size. LSTM, GRU and RNN are compared with
`torch.nn`'s; the peephole and coupled cells, which PyTorch lacks, with a loop over time as its users write one, and
with lstmtui's LSTM. A single token at batch 1 is compared with ONNX Runtime.

Each line has the median milliseconds of both sides and their ratio: above 1, this lstmtui is faster. With `--against`,
each line also has the range of the ratio over the turns, and the last line names the shape with the lowest ratio. The
comparison with PyTorch needs the `bench` extra.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alternating import Side, milliseconds, ratio, time_alternating, turn_ratios

from lstmtui.common.hardware import cpu_count
from lstmtui.engine.backend import NATIVE_BFLOAT16

SHAPES = {
    "chars-small": [2, 128, 65, 50, 50],
    "chars-large": [2, 512, 65, 32, 100],
    "words-medium": [2, 650, 10_000, 20, 35],
    "words-small": [2, 200, 10_000, 20, 20],
}
"""L, H, V, B and T, by the names that `lstmtui bench` knows."""
BUILT_IN = ("lstm", "gru", "rnn")
LOOPED = ("peephole", "coupled")
PRECISIONS = ("float32", "bfloat16") if NATIVE_BFLOAT16 else ("float32",)


@dataclass(frozen=True, slots=True)
class Match:
    """Two sides of one comparison."""

    name: str
    ours: Side
    other: Side


def matches_with_pytorch(threads: int, compiled: bool) -> Iterator[Match]:
    """Yield every comparison with PyTorch and ONNX Runtime, in the order they are run."""
    for cell in BUILT_IN:
        for name, sizes in SHAPES.items():
            given = (cell, sizes, threads)
            torch = Side("pytorch_steps", "training_step", given)
            yield Match(f"{cell}/{name} torch.nn", Side("ours", "training_step", given), torch)
    for name, sizes in SHAPES.items() if NATIVE_BFLOAT16 else ():
        # PyTorch's best precision here is float32: its bfloat16 autocast takes 2 to 8 times as long.
        ours = Side("ours", "training_step", ("lstm", sizes, threads, "bfloat16"))
        yield Match(f"bfloat16/{name} torch.nn", ours, Side("pytorch_steps", "training_step", ("lstm", sizes, threads)))
    sizes = SHAPES["chars-large"]
    for cell in LOOPED:
        ours, name = Side("ours", "training_step", (cell, sizes, threads)), f"{cell}/chars-large"
        for loop in ("eager", *(["compiled"] if compiled else []), "hoisted"):
            yield Match(
                f"{name} {loop} loop", ours, Side("pytorch_steps", "training_step", (cell, sizes, threads, loop))
            )
        yield Match(f"{name} our lstm", ours, Side("ours", "training_step", ("lstm", sizes, threads)))
    for precision in ("auto", "float32"):  # auto is what sampling and typing use
        onnx = Side("pytorch_steps", "onnx_token_step", (sizes, threads))
        yield Match(f"token/{precision} ONNX Runtime", Side("ours", "token_step", ("lstm", sizes, precision)), onnx)


def matches_with_checkout(threads: int, tree: Path) -> Iterator[Match]:
    """Yield every comparison with another checkout: each cell on the shapes above, and a single token of each."""

    def match(name: str, function: str, *arguments: object) -> Match:
        return Match(name, Side("ours", function, arguments), Side("ours", function, arguments, tree))

    for precision in PRECISIONS:
        for cell in (*BUILT_IN, *LOOPED):
            for name, sizes in SHAPES.items():
                yield match(f"{cell}/{name} {precision}", "training_step", cell, sizes, threads, precision)
    for cell in (*BUILT_IN, *LOOPED):
        for precision in ("auto", "float32"):
            yield match(f"token/{cell} {precision}", "token_step", cell, SHAPES["chars-large"], precision)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="what names must begin with, separated by commas; all if not given")
    parser.add_argument("--seconds", type=float, default=3.0, help="of timing, for each side of each comparison")
    parser.add_argument("--turns", type=int, default=3, help="in how many turns")
    parser.add_argument("--threads", type=int, default=cpu_count(), help="of each side; a token of lstmtui takes one")
    parser.add_argument(
        "--compiled", action="store_true", help="also the users' loop with its step compiled by PyTorch"
    )
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout of lstmtui to compare with")
    args = parser.parse_args()
    tree = args.against.resolve() if args.against else None
    found = matches_with_checkout(args.threads, tree) if tree else matches_with_pytorch(args.threads, args.compiled)
    print(f"{'':36} {'this ms':>10} {'other ms':>10} {'ratio':>6}", flush=True)
    lowest: list[tuple[float, str]] = []
    for match in found:
        if not match.name.startswith(tuple(args.only.split(","))):
            continue
        ours, other = time_alternating([match.ours, match.other], args.seconds, args.turns)
        line = f"{match.name:36} {milliseconds(ours):>10} {milliseconds(other):>10} {ratio(ours, other):>6}"
        if tree and (turns := turn_ratios(ours, other)):
            lowest.append((statistics.median(turns), match.name))
            line += f"  {min(turns):.2f} to {max(turns):.2f}"
        print(line, flush=True)
        for side, timing in (("this", ours), ("other", other)):
            if timing.error:
                print(f"    {side}: {timing.error}", file=sys.stderr)
    if lowest:
        print("lowest ratio: {:.2f}, {}".format(*min(lowest)))


if __name__ == "__main__":
    main()
