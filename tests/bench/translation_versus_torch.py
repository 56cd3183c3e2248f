"""Translation beside PyTorch, alternating in one session: training steps, and beam search of sentences.

    python tests/bench/translation_versus_torch.py [--only gru] [--pairs PAIRS.tsv] [--seconds 9] [--turns 3]
    python tests/bench/translation_versus_torch.py --run RUNFOLDER --text FILE

The twin has the same layers from `torch.nn`: a bidirectional encoder, two layers with attention between them, tied
softmax, label smoothing, clipping, AdamW. A training step is also compared with an input-fed loop, the conditional GRU.
PyTorch computes in float32 and with bfloat16 autocast, and its faster one counts; lstmtui computes as runs do
(precision auto). Tokens are random; `--pairs` gives lengths in words, of a table of source and target. With `--run`,
both sides translate the lines of a text with the weights of that run, in a search that leaves out what has ended, and
the line says how many translations are the same.

Each line has the median milliseconds, target tokens a second where it trains, and the ratio to the faster of PyTorch
with its range over the turns: above 1, lstmtui is faster. Needs the `bench` extra.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from alternating import Side, Timing, milliseconds, time_alternating, turn_ratios

from lstmtui.common.hardware import cpu_count

PRECISIONS = ("float32", "bfloat16")
Lengths = list[list[int]]


def random_lengths(count: int, mean: int) -> Lengths:
    """Return the lengths of both sides of pairs, which are about `mean`."""
    drawn = np.random.default_rng(1).integers(mean - 2, mean + 3, (count, 2))
    return [[int(source), int(target)] for source, target in drawn]


def lengths_of(path: Path, count: int) -> Lengths:
    """Return the lengths of both sides of the first pairs of a table, in words."""
    lines = path.read_text(encoding="utf-8").splitlines()[:count]
    return [[max(1, len(side.split())) for side in line.split("\t")[:2]] for line in lines]


def middle(lengths: Lengths, count: int) -> Lengths:
    """Return the pairs in the middle by length, which make a batch of like lengths."""
    ordered = sorted(lengths, key=lambda pair: pair[1])
    at = max(0, (len(ordered) - count) // 2)
    return ordered[at : at + count]


def compare(name: str, ours: Side, others: Sequence[Side], args: argparse.Namespace, tokens: int = 0) -> None:
    """Print a line of a comparison with the fastest of `others`."""
    own, *found = time_alternating([ours, *others], args.seconds, args.turns)
    for timing in (own, *found):
        if timing.error:
            print(f"    {name}: {timing.error}", file=sys.stderr)
    timed = [timing for timing in found if timing.turns]
    if not own.turns or not timed:
        return
    best = min(timed, key=lambda timing: timing.seconds)
    print(f"{name:26} {milliseconds(own):>9} {_each(found):>20} {_ratio(own, best):>20} {_rate(own, best, tokens)}")
    sys.stdout.flush()


def _each(found: Sequence[Timing]) -> str:
    return " / ".join(milliseconds(timing) for timing in found)


def _ratio(own: Timing, best: Timing) -> str:
    turns = turn_ratios(own, best)
    return f"{np.median(turns):.2f} ({min(turns):.2f} to {max(turns):.2f})"


def _rate(own: Timing, best: Timing, tokens: int) -> str:
    return f"{tokens / own.seconds:9,.0f} {tokens / best.seconds:9,.0f}" if tokens else ""


def _compare_trained(args: argparse.Namespace) -> None:
    """Print how fast the lines of a text are translated with a run's weights."""
    import translation_ours
    import translation_torch

    lines, run = args.text.read_text(encoding="utf-8").splitlines(), str(args.run.resolve())
    given = [(run, lines, args.threads, precision, args.beam) for precision in PRECISIONS]
    ours = Side("translation_ours", "trained_decoding", (run, lines, args.threads, args.beam))
    compare(f"{args.run.name}/beam {args.beam}", ours,
            [Side("translation_torch", "trained_decoding", each) for each in given], args)  # fmt: skip
    own = translation_ours.trained_decoding(*ours.arguments)()
    others = translation_torch.trained_decoding(*given[0])()
    same = sum(a == b for a, b in zip(own, others, strict=True))
    print(f"The same translation of {same} of {len(lines)} lines; seconds for all lines are those above.")


def main() -> None:
    """Compare everything whose name begins with one of `--only`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="what names must begin with, separated by commas; all if not given")
    parser.add_argument("--pairs", type=Path, help="a table of source and target, whose lengths count")
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--embedding", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=16, help="tokens of a random sentence, about")
    parser.add_argument("--sentences", type=int, default=200, help="to translate")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=9.0, help="of timing, for each side of each comparison")
    parser.add_argument("--turns", type=int, default=3, help="in how many turns")
    parser.add_argument("--threads", type=int, default=cpu_count(), help="of each side")
    parser.add_argument("--run", type=Path, help="folder of a run whose weights translate --text")
    parser.add_argument("--text", type=Path, help="lines to translate with --run")
    args = parser.parse_args()
    if find_spec("torch") is None:
        sys.exit("PyTorch is not installed here, so there is nothing to compare with: pip install 'lstmtui[bench]'.")
    if args.run:
        _compare_trained(args)
        return
    count = max(args.sentences, args.batch)
    lengths = lengths_of(args.pairs, count) if args.pairs else random_lengths(count, args.length)
    if not lengths:
        sys.exit(f"The table {args.pairs} has no pairs.")
    sizes, batch, threads = [args.vocabulary, args.embedding, args.hidden], middle(lengths, args.batch), args.threads
    tokens = sum(target + 1 for _, target in batch)

    def training(name: str, cell: str, kind: str) -> None:
        if not name.startswith(tuple(args.only.split(","))):
            return
        ours = Side("translation_ours", "training_step", (cell, sizes, batch, threads, "auto"))
        given = [(kind, cell, sizes, batch, threads, precision) for precision in PRECISIONS]
        compare(name, ours, [Side("translation_torch", "training_step", each) for each in given], args, tokens)

    def search(name: str, cell: str) -> None:
        if not name.startswith(tuple(args.only.split(","))):
            return
        given = [
            (cell, sizes, lengths[: args.sentences], threads, precision, args.beam, args.length + 4)
            for precision in ("auto", *PRECISIONS)
        ]
        modules = ("translation_ours", "translation_torch", "translation_torch")
        ours, *others = (Side(module, "decoding", each) for module, each in zip(modules, given, strict=True))
        compare(name, ours, others, args)

    heads = ("this ms", "PyTorch f32 / bf16", "ratio", "tokens/s  PyTorch's")
    print("{:26} {:>9} {:>20} {:>20} {}".format("", *heads), flush=True)
    for cell in ("gru", "lstm"):
        training(f"{cell}/train", cell, "two storeys")
    training("input-fed/train", "gru", "input-fed")
    for cell in ("gru", "lstm"):
        search(f"{cell}/beam {args.beam}", cell)


if __name__ == "__main__":
    main()
