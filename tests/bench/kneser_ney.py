"""Keystroke savings of a modified Kneser-Ney 5-gram over words: the baseline for `lstmtui evaluate --autocomplete`.

    python tests/bench/kneser_ney.py TRAIN TEXT... [--order 5] [--json]

TRAIN and TEXT hold one text a line: words between spaces. Keystrokes are counted as by the command: accepting a
suggestion that equals the intended word costs one keystroke and brings its space; else every character costs one.

Source: Chen and Goodman 1998, "An empirical study of smoothing techniques for language modeling", section 3.3.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
RANKS = (1, 3, 5)
BEGIN = 0
"""The token before the first word of a line, and after the last."""


class KneserNey:
    """p(w | context) by interpolated modified Kneser-Ney, for all words at once."""

    def __init__(self, lines: list[list[str]], order: int = 5) -> None:
        counts = Counter(word for line in lines for word in line)
        self.words = ["\n", *sorted(counts)]
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.order = order
        V = len(self.words)
        text = [self.ids[w] for line in lines for w in (["\n"] * (order - 1) + line + ["\n"])]
        ids = np.array(text, np.int64)
        # Every n-gram of the highest order, once, with its count; shorter ones count how many words precede them.
        keys = [ids[n : len(ids) - order + 1 + n] for n in range(order)]
        real = keys[-1] != BEGIN
        real |= keys[-2] != BEGIN  # a line end after a word, but not the padding
        grams = np.stack([key[real] for key in keys], axis=1)
        self.tables: list[dict[tuple[int, ...], tuple[Array, Array, float]]] = []
        distinct, count = np.unique(grams, axis=0, return_counts=True)
        for n in range(order, 0, -1):
            self.tables.insert(0, _table(distinct, count))
            if n > 1:
                distinct, count = np.unique(distinct[:, 1:], axis=0, return_counts=True)
        self.uniform = np.full(V, 1.0 / V)

    def p(self, context: list[int]) -> Array:
        """Return the probabilities (V,) of the word after `context`."""
        padded = [BEGIN] * (self.order - 1) + context
        found = self.uniform
        for n in range(self.order):
            entry = self.tables[n].get(tuple(padded[len(padded) - n :]))
            if entry is not None:
                words, discounted, back = entry
                found = back * found
                found[words] += discounted
        return found


def _table(grams: Array, count: Array) -> dict[tuple[int, ...], tuple[Array, Array, float]]:
    """Return by context: the words seen after it, their discounted probabilities, and the mass left to shorter ones."""
    n1, n2, n3, n4 = (max(1, int((count == r).sum())) for r in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    discount = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])[np.minimum(count, 3)]
    edges = np.flatnonzero(np.any(grams[1:, :-1] != grams[:-1, :-1], axis=1)) + 1 if grams.shape[1] > 1 else []
    table = {}
    for low, high in zip([0, *edges], [*edges, len(grams)], strict=True):
        total = count[low:high].sum()
        probabilities = (count[low:high] - discount[low:high]) / total
        left = float(discount[low:high].sum() / total)
        table[tuple(grams[low, :-1].tolist())] = grams[low:high, -1], probabilities, left
    return table


def keystrokes(word: str, p: Array, words: list[str], spaced: bool) -> tuple[dict[int, int], int]:
    """Return the keystrokes of `word` with 1, 3 and 5 suggestions, and its rank before any letter (0: none of five)."""
    costs, first = dict.fromkeys(RANKS, len(word) + spaced), 0
    order = np.argsort(-p, kind="stable")
    left = [words[i] for i in order if i != BEGIN]
    for typed in range(len(word)):
        left = [w for w in left if len(w) > typed and w[:typed] == word[:typed]]
        top = left[: RANKS[-1]]
        rank = top.index(word) + 1 if word in top else 0
        first = rank if typed == 0 else first
        for k in RANKS:
            if 0 < rank <= k:
                costs[k] = min(costs[k], typed + 1)
        if rank == 1:
            break
    return costs, first


def measure(model: KneserNey, lines: list[list[str]]) -> dict[str, Any]:
    """Type `lines` and return the shares saved and the hits."""
    total_costs, characters, ranks = dict.fromkeys(RANKS, 0), 0, []
    for line in lines:
        context: list[int] = []
        for at, word in enumerate(line):
            costs, rank = keystrokes(word, model.p(context), model.words, at + 1 < len(line))
            characters += len(word) + (at + 1 < len(line))
            for k in RANKS:
                total_costs[k] += costs[k]
            ranks.append(rank)
            context.append(model.ids.get(word, -1))
    n = len(ranks)
    return {
        "words": n,
        "characters": characters,
        "savings": {str(k): round(1 - total_costs[k] / characters, 4) for k in RANKS},
        "recall": {str(k): round(sum(0 < r <= k for r in ranks) / n, 4) for k in RANKS},
        "mrr": round(sum(1 / r for r in ranks if r) / n, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    model = KneserNey(_lines(args.train), args.order)
    for path in args.texts:
        found = measure(model, _lines(path))
        print(json.dumps({"text": str(path), **found}) if args.json else f"{path}: {found}")


def _lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
