"""Training steps and captions of lstmtui for `alternating`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from alternating import Step
from translation_ours import SMOOTHING, optimizer_settings

from lstmtui.config import PictureSettings
from lstmtui.data.caption_batches import CaptionBatch
from lstmtui.data.pair_batches import IGNORED
from lstmtui.data.picture_augmentation import vector_size
from lstmtui.engine.backend import CPU
from lstmtui.engine.inference.beam_search import SearchOptions, search
from lstmtui.engine.nn.caption_buckets import CaptionBuckets
from lstmtui.engine.nn.caption_model import CaptionSizes, parameters
from lstmtui.engine.nn.incremental_caption import IncrementalCaption
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.picture_encoder import Grid
from lstmtui.engine.nn.training_step import Update, take_step

END = 0
GRID, PATCH = Grid(8, 8), 8
VECTOR = vector_size(PATCH, PictureSettings().edges)


def random_batch(B: int, T: int, V: int) -> CaptionBatch:
    """Return B pictures of noise with captions of T tokens, their ends included."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((GRID.positions, B, VECTOR)).astype(np.float32)
    targets = random.integers(1, V, (T, B)).astype(np.int32)
    targets[-1] = END
    inputs = np.concatenate([np.full((1, B), END, np.int32), targets[:-1]])
    assert (targets != IGNORED).all()
    return CaptionBatch(vectors, inputs, targets, np.arange(B), np.arange(B))


def model_parts(cell: str, sizes: Sequence[int], threads: int, precision: str) -> tuple[CaptionSizes, Arena, Compute]:
    """Return sizes, initial weights and how to compute; `sizes` are V, E and H."""
    V, E, H = sizes
    made = CaptionSizes(
        grid=GRID, vector=VECTOR, target_vocabulary=V, cell=cell, embedding=E, hidden=H, attention=H
    )  # fmt: skip
    weights = Arena(parameters(made))
    weights.initialise(1)
    return made, weights, Compute(CPU.resolve_precision(precision, np.float32), threads)


def training_step(cell: str, sizes: Sequence[int], shape: Sequence[int], threads: int, precision: str) -> Step:
    """Return a training step on one batch of `shape` (B, T), from the patches to updated weights."""
    made, weights, compute = model_parts(cell, sizes, threads, precision)
    gradients, batch = Arena(weights.layout), random_batch(*shape, sizes[0])
    model = CaptionBuckets(made, weights, compute=compute, gradients=gradients)
    optimizer, count = Optimizer(optimizer_settings(cell, sizes), weights, threads), 0

    def step() -> float:
        nonlocal count
        count += 1
        update = Update(count, lr=1e-3, clip=1.0, weight_decay=0.01)
        return take_step(optimizer, gradients, lambda: model.gradient(batch, smoothing=SMOOTHING), update).loss

    return step


def captioning(cell: str, sizes: Sequence[int], beam: int, steps: int, threads: int, precision: str) -> Step:
    """Return what searches the best caption, of `steps` tokens, of one picture."""
    made, weights, compute = model_parts(cell, sizes, threads, precision)
    weights["softmax.b"][END] = -30  # nothing ends before the last step, on either side
    options, vectors = SearchOptions(beam=beam, max_length=steps), random_batch(1, steps, sizes[0]).vectors
    model, lengths = IncrementalCaption(made, weights, (1, beam), compute=compute), np.array([GRID.positions], np.int32)
    return lambda: search(model, vectors, lengths, end=END, options=options)
