"""Split a table of pairs by its source sentences: all lines of a sentence come into one part.

    python tests/bench/split_pairs.py PAIRS.tsv FOLDER [--valid 1000] [--test 2000]

Writes train.tsv, valid.tsv and test.tsv. The sentences of validation and test are those whose SHA-256 digests are the
smallest, so that the parts do not depend on the order of the lines, or on a seed.
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from pathlib import Path


def main() -> None:
    """Write the three parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, help="source, tab, target on each line")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--valid", type=int, default=1000, help="source sentences for validation")
    parser.add_argument("--test", type=int, default=2000, help="source sentences for the test")
    args = parser.parse_args()
    lines = args.pairs.read_text("utf-8").split("\n")
    rows = [line for line in lines if "\t" in line]
    order = sorted({source_of(row) for row in rows}, key=lambda source: sha256(source.encode()).digest())
    ends = {"valid": args.valid, "test": args.valid + args.test, "train": len(order)}
    args.folder.mkdir(parents=True, exist_ok=True)
    begin = 0
    for part, end in ends.items():
        chosen = set(order[begin:end])
        found = [row for row in rows if source_of(row) in chosen]
        (args.folder / f"{part}.tsv").write_text("".join(f"{row}\n" for row in found), "utf-8")
        print(f"{part}: {len(chosen):,} source sentences, {len(found):,} pairs")
        begin = end


def source_of(row: str) -> str:
    """Return the source sentence of a row."""
    return row.split("\t")[0].strip()


if __name__ == "__main__":
    main()
