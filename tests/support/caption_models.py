"""Tiny caption models and batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.data.caption_batches import CaptionBatch
from lstmtui.data.pair_batches import IGNORED
from lstmtui.engine.nn.caption_model import CaptionModel, CaptionSizes, parameters
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.picture_encoder import Grid

GRID, VECTOR = Grid(2, 3), 4
CAPTIONS = ((2, 5, 0), (4, 1, 3, 2, 0), (0,))
"""Tokens, ends included."""


def sizes(**changes: Any) -> CaptionSizes:
    """Return the sizes of a tiny model."""
    made = {
        "grid": GRID, "vector": VECTOR, "target_vocabulary": 6, "embedding": 3, "hidden": 3, "attention": 2, **changes,
    }  # fmt: skip
    return CaptionSizes(**made)


def batch(chosen: Any = (0, 1, 2)) -> CaptionBatch:
    """Return the batch of some pictures, whose numbers are always the same."""
    all_vectors = np.random.default_rng(1).standard_normal((GRID.positions, len(CAPTIONS), VECTOR))
    captions = [CAPTIONS[n] for n in chosen]
    T, B = max(map(len, captions)), len(captions)
    inputs, targets = np.zeros((T, B), np.int32), np.full((T, B), IGNORED, np.int32)
    for b, caption in enumerate(captions):
        inputs[1 : len(caption), b], targets[: len(caption), b] = caption[:-1], caption
    numbers = np.array(chosen)
    return CaptionBatch(all_vectors[:, numbers].astype(np.float32), inputs, targets, numbers, numbers)


def model(
    shape: tuple[int, int] = (5, 3), dtype: Any = np.float64, threads: int = 2, precision: str | None = None,
    **changes: Any,
) -> CaptionModel:  # fmt: skip
    """Return a model of this shape (T, B) whose weights are always the same."""
    made = sizes(**changes)
    weights = Arena(parameters(made), dtype)
    weights.initialise(4)
    weights.flat[...] += 0.3 * np.random.default_rng(5).standard_normal(weights.flat.shape)
    compute = Compute(precision or np.dtype(dtype).name, threads)
    return CaptionModel(made, weights, shape, compute=compute, gradients=Arena(weights.layout, dtype))
