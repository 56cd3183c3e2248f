"""Numbers to be said in reverse, the toy of Joey NMT (Kreutzer et al. 2019, arXiv:1907.12484), and how well a run does.

    python tests/bench/reversal.py FOLDER          write train.tsv, valid.tsv and test.tsv
    lstmtui train --for translation FOLDER/train.tsv --valid FOLDER/valid.tsv --tokens words --minutes 1 --hidden 128 \
        --embedding 64 --dropout 0 --dropout-in 0 --lr 0.006 --name reversal
    python tests/bench/reversal.py FOLDER --run reversal

The last prints how many of the test sequences are right, and how often a token looks most at the one that it repeats:
the anti-diagonal of its alignment. Where tokens look is counted for sequences that are right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lstmtui.client.translator import Translator
from lstmtui.data.pair_reading import read_pairs

NUMBERS, LONGEST = 50, 25
PARTS = {"train": 50_000, "valid": 200, "test": 1_000}


def main() -> None:
    """Write the data, or judge a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", help="name or folder of a run to judge")
    parser.add_argument("--beam", type=int, default=1)
    args = parser.parse_args()
    if args.run:
        judge(args.folder / "test.tsv", args.run, args.beam)
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    for part, count in PARTS.items():
        drawn = [list(map(str, random.integers(0, NUMBERS, random.integers(1, LONGEST + 1)))) for _ in range(count)]
        rows = (f"{' '.join(numbers)}\t{' '.join(reversed(numbers))}\n" for numbers in drawn)
        (args.folder / f"{part}.tsv").write_text("".join(rows), "utf-8")


def judge(test: Path, run: str, beam: int) -> None:
    """Print how well a run says the sequences of a file in reverse."""
    pairs = read_pairs([str(test)])
    right = looked = tokens = 0
    with Translator.load(run) as translator:
        for [best], expected in zip(translator.search(pairs.source, beam=beam), pairs.target, strict=True):
            if best.text != expected:
                continue
            right += 1
            length = len(expected.split())
            most = np.argmax(np.array(best.alignment)[:length, :length], axis=1)
            looked += int(np.sum(most == np.arange(length)[::-1]))
            tokens += length
    print(f"right {right / len(pairs.source):.1%} of {len(pairs.source):,} sequences")
    print(f"on the anti-diagonal {looked / max(tokens, 1):.1%} of {tokens:,} tokens")


if __name__ == "__main__":
    main()
