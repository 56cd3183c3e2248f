"""Captions of the nearest training picture: the baseline for a network that describes pictures.

    python tests/bench/nearest_caption.py captions.tsv [--json]

A picture is described by its pixels in small, by histograms of the directions of its edges (HOG, Dalal and Triggs 2005)
and by its colours. Their weights are those that are the best on the validation pictures. The caption of the most alike
training picture is taken; beside it stands the best that any training caption could have: what no choice among them
exceeds.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.config import DataSettings, Settings
from lstmtui.data.caption_corpus import open_captions
from lstmtui.data.captions import Captions
from lstmtui.data.picture_file import stored_pictures
from lstmtui.reports.caption_scores import CaptionScores, caption_scores, words

Array = np.ndarray[Any, Any]

SIDE, SMALL, CELLS, DIRECTIONS, LEVELS = 64, 16, 8, 9, 4
WEIGHTS = (0.0, 0.3, 1.0)


def descriptions(captions: Captions, cache: Path | None) -> list[Array]:
    """Return what describes the pictures, each (N, values): pixels, edges, colours."""
    pictures = stored_pictures(captions, SIDE, cache=cache)
    values = np.stack([pictures[n] for n in range(len(pictures))]).astype(np.float32) / 255
    return [_pixels(values), _edges(values.mean(axis=-1)), _colours(values)]


def _pixels(values: Array) -> Array:
    return _cells(values, SMALL).reshape(len(values), -1)


def _cells(values: Array, count: int) -> Array:
    """Return the mean of each of `count` times `count` cells."""
    width = SIDE // count
    found: Array = values.reshape(len(values), count, width, count, width, *values.shape[3:]).mean(axis=(2, 4))
    return found


def _edges(grey: Array) -> Array:
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1], right[:, :, 1:-1] = grey[:, 2:] - grey[:, :-2], grey[:, :, 2:] - grey[:, :, :-2]
    direction = np.minimum(np.arctan2(down, right) % np.pi / np.pi * DIRECTIONS, DIRECTIONS - 1).astype(int)
    strength = np.hypot(down, right)
    found = np.stack([_cells((direction == k) * strength, CELLS) for k in range(DIRECTIONS)], axis=-1)
    flat = found.reshape(len(grey), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _colours(values: Array) -> Array:
    levels = np.minimum((values * LEVELS).astype(int), LEVELS - 1)
    codes = (levels @ [LEVELS**2, LEVELS, 1]).reshape(len(values), -1)
    return np.stack([np.bincount(row, minlength=LEVELS**3) for row in codes]) / codes.shape[1]


def distances(train: Sequence[Array], others: Sequence[Array]) -> list[Array]:
    """Return the squared distance (others, train) by each description, relative to its mean."""
    found = []
    for a, b in zip(others, train, strict=True):
        squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        found.append(squared / squared.mean())
    return found


def nearest(weights: Sequence[float], by_description: Sequence[Array]) -> Array:
    """Return the nearest training picture (others,)."""
    total: Array = sum(weight * each for weight, each in zip(weights, by_description, strict=True))  # type: ignore[assignment]
    return total.argmin(axis=1)


def scores_of(captions: Captions, found: Sequence[str]) -> CaptionScores:
    """Return the scores with the first reference of each picture."""
    return caption_scores(found, [texts[:1] for texts in captions.references], captions.concepts)


def best_retrieval(train: Sequence[str], test: Sequence[str]) -> list[str]:
    """Return the training caption with the highest word F1 for each test caption."""
    ids: dict[str, int] = {}
    bags = [[ids.setdefault(word, len(ids)) for word in words(caption)] for caption in (*train, *test)]
    counts = np.zeros((len(bags), len(ids)), np.int8)
    for row, bag in zip(counts, bags, strict=True):
        np.add.at(row, bag, 1)
    known, lengths = counts[: len(train)], counts[: len(train)].sum(axis=1)
    return [
        train[int((np.minimum(known, row).sum(axis=1) / (lengths + row.sum())).argmax())]
        for row in counts[len(train) :]
    ]


def main() -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="a table of pictures with captions, with a column split; or a folder")
    parser.add_argument("--cache", type=Path, help="the folder of decoded pictures (that of lstmtui)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    settings = Settings(purpose="captions", corpus=(str(Path(args.corpus).absolute()),), test_fraction=0.1)
    corpus = open_captions(DataSettings.of(settings))
    texts = [references[0] for references in corpus.train.references]
    train, valid, test = (descriptions(part, args.cache) for part in (corpus.train, corpus.valid, corpus.test))
    by_valid = distances(train, valid)

    def f1(weights: Sequence[float]) -> float:
        return scores_of(corpus.valid, [texts[n] for n in nearest(weights, by_valid)]).f1

    weights = max((chosen for chosen in itertools.product(WEIGHTS, repeat=3) if any(chosen)), key=f1)
    by_test = distances(train, test)
    found = {
        "pixels": nearest((1, 0, 0), by_test), "edges": nearest((0, 1, 0), by_test),
        "colours": nearest((0, 0, 1), by_test), "together": nearest(weights, by_test),
    }  # fmt: skip
    rows = {name: scores_of(corpus.test, [texts[n] for n in chosen]) for name, chosen in found.items()}
    best = best_retrieval(texts, [references[0] for references in corpus.test.references])
    rows["best training caption"] = scores_of(corpus.test, best)
    if args.json:
        print(json.dumps({"weights": weights, **{name: row._asdict() for name, row in rows.items()}}))
        return
    print(f"{len(corpus.test):,} test pictures, {len(corpus.train):,} for training; weights {weights}")
    print(f"{'':22} word F1  by concept   exact  CIDEr-D")
    for name, row in rows.items():
        print(f"{name:22} {row.f1:7.1%} {row.concept_f1:11.1%} {row.exact:7.1%} {row.cider:8.2f}")


if __name__ == "__main__":
    main()
