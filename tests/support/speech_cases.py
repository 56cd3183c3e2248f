"""Tiny speech models and batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.speech_model import SpeechModel, SpeechSizes, parameters

FEATURES, VOCABULARY = 3, 5
UTTERANCES = ((6, [1, 1, 4]), (5, [2, 3]), (2, [2, 2]), (4, []))
"""Frames and labels; the third has too few frames for its labels, and the last has none."""


class Batch(NamedTuple):
    """Utterances with padding."""

    frames: np.ndarray
    frame_lengths: np.ndarray
    labels: np.ndarray
    label_lengths: np.ndarray


def batch(utterances: Any = UTTERANCES, numbers: Any = None, padding: float = 0.0) -> Batch:
    """Return a batch; the frames of an utterance depend on its number alone."""
    numbers = range(len(utterances)) if numbers is None else numbers
    T, U, B = max(n for n, _ in utterances), max(len(y) for _, y in utterances), len(utterances)
    frames, labels = np.full((T, B, FEATURES), padding, np.float32), np.zeros((B, U), np.int32)
    for b, (number, (n, y)) in enumerate(zip(numbers, utterances, strict=True)):
        frames[:n, b] = np.random.default_rng(number).normal(size=(n, FEATURES))
        labels[b, : len(y)] = y
    lengths = (np.array([f(u) for u in utterances], np.int32) for f in (lambda u: u[0], lambda u: len(u[1])))
    return Batch(frames, next(lengths), labels, next(lengths))


def sizes(**changes: Any) -> SpeechSizes:
    """Return the sizes of a tiny model."""
    given = {"features": FEATURES, "vocabulary": VOCABULARY, "embedding": 4, "hidden": 3, "layers": 2, **changes}
    return SpeechSizes(**given)


def model(
    shape: tuple[int, int, int] = (6, 4, 3), dtype: Any = np.float64, threads: int = 1, precision: str | None = None,
    **changes: Any,
) -> SpeechModel:  # fmt: skip
    """Return a model of this shape (T, B, U) whose weights are always the same."""
    made = sizes(**changes)
    weights = Arena(parameters(made), dtype)
    weights.initialise(4)
    weights.flat[...] += 0.3 * np.random.default_rng(5).standard_normal(weights.flat.shape)
    compute = Compute(precision or np.dtype(dtype).name, threads)
    return SpeechModel(made, weights, shape, compute=compute, gradients=Arena(weights.layout, dtype))
