"""Captions beside PyTorch, alternating in one session: training steps, and the beam search of one caption.

    python tests/bench/captions_versus_torch.py [--only gru] [--seconds 9] [--turns 3]

The twin has the same layers from `torch.nn`: patches with learnt positions, bidirectional recurrences over rows and
columns, and the decoder of `translation_versus_torch`. A convolutional encoder before the same decoder stands beside
it. Pictures and captions are random.

Lines are those of `translation_versus_torch`. Needs the `bench` extra.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec

from alternating import Side
from translation_versus_torch import PRECISIONS, compare

from lstmtui.common.hardware import cpu_count


def main() -> None:
    """Compare everything whose name begins with one of `--only`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="what names must begin with, separated by commas; all if not given")
    parser.add_argument("--vocabulary", type=int, default=1568)
    parser.add_argument("--embedding", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=5, help="tokens of a caption, its end included")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=9.0, help="of timing, for each side of each comparison")
    parser.add_argument("--turns", type=int, default=3, help="in how many turns")
    parser.add_argument("--threads", type=int, default=cpu_count(), help="of each side")
    args = parser.parse_args()
    if find_spec("torch") is None:
        sys.exit("PyTorch is not installed here, so there is nothing to compare with: pip install 'lstmtui[bench]'.")
    sizes, shape, threads = [args.vocabulary, args.embedding, args.hidden], [args.batch, args.length], args.threads
    wanted = tuple(args.only.split(","))

    def training(name: str, cell: str, kind: str) -> None:
        if name.startswith(wanted):
            ours = Side("captions_ours", "training_step", (cell, sizes, shape, threads, "auto"))
            given = [(kind, cell, sizes, shape, threads, precision) for precision in PRECISIONS]
            others = [Side("captions_torch", "training_step", each) for each in given]
            compare(name, ours, others, args, args.batch * args.length)

    def caption(name: str, cell: str) -> None:
        if name.startswith(wanted):
            given = [(cell, sizes, args.beam, args.length, threads, precision) for precision in ("auto", *PRECISIONS)]
            ours = Side("captions_ours", "captioning", given[0])
            compare(name, ours, [Side("captions_torch", "captioning", each) for each in given[1:]], args)

    heads = ("this ms", "PyTorch f32 / bf16", "ratio", "tokens/s  PyTorch's")
    print("{:26} {:>9} {:>20} {:>20} {}".format("", *heads), flush=True)
    for cell in ("gru", "lstm"):
        training(f"{cell}/train", cell, "rows and columns")
    training("convolutions/train", "gru", "convolutions")
    for cell in ("gru", "lstm"):
        caption(f"{cell}/beam {args.beam}", cell)


if __name__ == "__main__":
    main()
