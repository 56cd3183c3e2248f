"""A training step of speech beside PyTorch, alternating in one session.

    python tests/bench/speech_versus_torch.py [--only lstm] [--seconds 9] [--turns 3]

The twin has the same layers from `torch.nn`: linear, recurrent layers in both directions, CTC loss, dropout, clipping,
AdamW. PyTorch computes in float32 with packed sequences, in float32 and with bfloat16 autocast with padded ones, and
its fastest counts; lstmtui computes as runs do (precision auto). Shapes are those of runs by the recipe: single digits,
strings of digits and sentences. Frames and labels are random.

Each line has the median milliseconds, steps of 20 ms a second, and the ratio to the fastest of PyTorch with its range
over the turns: above 1, lstmtui is faster. Needs the `bench` extra.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from itertools import product

from alternating import Side
from translation_versus_torch import compare

from lstmtui.common.hardware import cpu_count

WAYS = (("float32", "packed"), ("float32", "padded"), ("bfloat16", "padded"))
"""How PyTorch computes."""
INPUTS = 80
"""Numbers of a step: two frames of 40 bands."""
SHAPES = {
    "single digits": ((INPUTS, 128, 128, 2, 17), (22, 16, 5)),
    "strings of digits": ((INPUTS, 256, 256, 2, 17), (110, 16, 20)),
    "sentences": ((INPUTS, 256, 256, 2, 29), (85, 16, 28)),
}
"""Sizes (D, E, H, L, V) and the shape (T, B, U) of a batch."""


def main() -> None:
    """Compare everything whose name begins with one of `--only`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="what names must begin with, separated by commas; all if not given")
    parser.add_argument("--seconds", type=float, default=9.0, help="of timing, for each side of each comparison")
    parser.add_argument("--turns", type=int, default=3, help="in how many turns")
    parser.add_argument("--threads", type=int, default=cpu_count(), help="of each side")
    args = parser.parse_args()
    if find_spec("torch") is None:
        sys.exit("PyTorch is not installed here, so there is nothing to compare with: pip install 'lstmtui[bench]'.")
    names = " / ".join(f"{precision} {form}" for precision, form in WAYS)
    print(f"PyTorch in ms: {names}", flush=True)
    print(f"{'':26} {'this ms':>9} {'PyTorch':>20} {'ratio':>20} steps/s   PyTorch's", flush=True)
    for cell, (name, (sizes, shape)) in product(("lstm", "gru"), SHAPES.items()):
        label = f"{cell}/{name}"
        if not label.startswith(tuple(args.only.split(","))):
            continue
        ours = Side("speech_ours", "training_step", (cell, sizes, shape, args.threads, "auto"))
        others = [Side("speech_torch", "training_step", (cell, sizes, shape, args.threads, *way)) for way in WAYS]
        compare(label, ours, others, args, steps_of(sizes, shape))


def steps_of(sizes: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Return the steps of the utterances of a batch, without padding."""
    from speech_ours import random_batch

    return random_batch(shape, sizes[0], sizes[-1]).steps


if __name__ == "__main__":
    main()
