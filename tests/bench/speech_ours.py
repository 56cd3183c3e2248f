"""Training steps of lstmtui's speech model for `alternating`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from alternating import Step

from lstmtui.engine.backend import CPU
from lstmtui.engine.benchmark.bench import Shape
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.speech_buckets import SpeechBuckets
from lstmtui.engine.nn.speech_model import SpeechSizes, parameters
from lstmtui.engine.nn.training_step import Update, take_step

DROPOUT = 0.2
"""Between the layers, and before the softmax."""


class Batch(NamedTuple):
    """B utterances of random frames and labels, as `data.utterance_batches` gives them."""

    frames: np.ndarray
    """(T, B, D)"""
    frame_lengths: np.ndarray
    labels: np.ndarray
    """(B, U), from 1 on"""
    label_lengths: np.ndarray

    @property
    def steps(self) -> int:
        """The steps of all utterances, without padding."""
        return int(self.frame_lengths.sum())


def random_batch(shape: Sequence[int], D: int, V: int) -> Batch:
    """Return a batch of up to T steps of B utterances with up to U labels; they are 85 to 100 % as long."""
    (T, B, U), random = shape, np.random.default_rng(0)
    frames = random.standard_normal((T, B, D)).astype(np.float32)
    lengths = [np.maximum(1, (most * random.uniform(0.85, 1, B)).round()).astype(np.int32) for most in (T, U)]
    lengths[0][0] = T
    return Batch(frames, lengths[0], random.integers(1, V, (B, U)).astype(np.int32), lengths[1])


def training_step(cell: str, sizes: Sequence[int], shape: Sequence[int], threads: int, precision: str) -> Step:
    """Return a training step on one batch, from its frames to updated weights.

    sizes   D, E, H, L and V: numbers of a step, units of the linear layer and of each direction, layers, labels
    shape   T, B and U
    """
    D, E, H, L, V = sizes
    made = SpeechSizes(features=D, vocabulary=V, cell=cell, embedding=E, hidden=H, layers=L)
    weights = Arena(parameters(made))
    weights.initialise(1)
    gradients, batch = Arena(weights.layout), random_batch(shape, D, V)
    compute = Compute(CPU.resolve_precision(precision, np.float32), threads)
    model = SpeechBuckets(made, weights, compute=compute, gradients=gradients)
    optimizer, count = Optimizer(Shape(L, H, V, 1, 1).settings(cell), weights, threads), 0

    def step() -> float:
        nonlocal count
        count += 1
        update, drop = Update(count, lr=1e-3, clip=1.0, weight_decay=0.01), Dropout(layers=DROPOUT, key=count)
        return take_step(optimizer, gradients, lambda: model.gradient(batch, drop), update).loss

    return step
