"""Tiny translation models and batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.data.pair_batches import IGNORED, PairBatch
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_model import TranslationModel, TranslationSizes, parameters

PAIRS = (([3, 4, 1, 0], [2, 5, 0]), ([5, 0], [4, 1, 3, 2, 0]), ([2, 2, 0], [0]))
"""Source and target tokens, line ends included."""


def sizes(**changes: Any) -> TranslationSizes:
    """Return the sizes of a tiny model."""
    made = {
        "source_vocabulary": 7, "target_vocabulary": 6, "embedding": 3, "hidden": 3, "attention": 2, **changes,
    }  # fmt: skip
    return TranslationSizes(**made)


def batch(pairs: Any = PAIRS) -> PairBatch:
    """Return the batch of these pairs, as `data.pair_batches.make_batch` does."""
    S, T, B = max(len(x) for x, _ in pairs), max(len(y) for _, y in pairs), len(pairs)
    source, inputs, targets = np.zeros((S, B), np.int32), np.zeros((T, B), np.int32), np.full((T, B), IGNORED, np.int32)
    for b, (x, y) in enumerate(pairs):
        source[: len(x), b], inputs[1 : len(y), b], targets[: len(y), b] = x, y[:-1], y
    lengths = np.array([len(x) for x, _ in pairs], np.int32)
    return PairBatch(source, lengths, inputs, targets, np.arange(B))


def model(
    shape: tuple[int, int, int] = (4, 5, 3), dtype: Any = np.float64, threads: int = 2, precision: str | None = None,
    **changes: Any,
) -> TranslationModel:  # fmt: skip
    """Return a model of this shape (S, T, B) whose weights are always the same."""
    made = sizes(**changes)
    weights = Arena(parameters(made), dtype)
    weights.initialise(4)
    weights.flat[...] += 0.3 * np.random.default_rng(5).standard_normal(weights.flat.shape)
    compute = Compute(precision or np.dtype(dtype).name, threads)
    return TranslationModel(made, weights, shape, compute=compute, gradients=Arena(weights.layout, dtype))
