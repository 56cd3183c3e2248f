"""Training steps and beam search of lstmtui's translation models for `alternating`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from alternating import Step

from lstmtui.config import RunSettings
from lstmtui.data.pair_batches import PairBatch, make_batch
from lstmtui.data.pairs import PairTokens, Sentences
from lstmtui.engine.backend import CPU
from lstmtui.engine.benchmark.bench import Shape
from lstmtui.engine.inference import loaded_translator
from lstmtui.engine.inference.beam_search import SearchOptions, search
from lstmtui.engine.nn.incremental_translation import IncrementalTranslation
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.training_step import Update, take_step
from lstmtui.engine.nn.translation_buckets import TranslationBuckets
from lstmtui.engine.nn.translation_model import TranslationSizes, parameters
from lstmtui.runs.folder import RunFolder

END = 0
SMOOTHING = 0.1
Lengths = Sequence[Sequence[int]]
"""The lengths of the source and of the target of each pair, without their ends."""


def random_batch(lengths: Lengths, V: int) -> PairBatch:
    """Return a batch of random tokens, each sentence with its end."""
    random = np.random.default_rng(0)

    def side(counts: Sequence[int]) -> Sentences:
        return Sentences.of([np.append(random.integers(1, V, n), END).astype(np.int32) for n in counts])

    source, target = (side(counts) for counts in zip(*lengths, strict=True))
    return make_batch(PairTokens(source, target), np.arange(len(lengths)))


def model_parts(cell: str, sizes: Sequence[int], threads: int, precision: str) -> tuple[TranslationSizes, Arena, Any]:
    """Return sizes, initial weights and how to compute; `sizes` are V, E and H."""
    V, E, H = sizes
    made = TranslationSizes(
        source_vocabulary=V, target_vocabulary=V, joint=True, cell=cell, embedding=E, hidden=H, attention=H
    )
    weights = Arena(parameters(made))
    weights.initialise(1)
    return made, weights, Compute(CPU.resolve_precision(precision, np.float32), threads)


def optimizer_settings(cell: str, sizes: Sequence[int]) -> RunSettings:
    """Return settings of AdamW without averaged weights."""
    V, _, H = sizes
    return Shape(1, H, V, 1, 1).settings(cell)


def training_step(cell: str, sizes: Sequence[int], lengths: Lengths, threads: int, precision: str) -> Step:
    """Return a training step on one batch, from the embedding to updated weights."""
    made, weights, compute = model_parts(cell, sizes, threads, precision)
    gradients, batch = Arena(weights.layout), random_batch(lengths, sizes[0])
    model = TranslationBuckets(made, weights, compute=compute, gradients=gradients)
    optimizer, count = Optimizer(optimizer_settings(cell, sizes), weights, threads), 0

    def step() -> float:
        nonlocal count
        count += 1
        update = Update(count, lr=1e-3, clip=1.0, weight_decay=0.01)
        return take_step(optimizer, gradients, lambda: model.gradient(batch, smoothing=SMOOTHING), update).loss

    return step


def decoding(
    cell: str, sizes: Sequence[int], lengths: Lengths, threads: int, precision: str, beam: int, steps: int
) -> Step:
    """Return what searches the best translation of every source, 64 at once; all of them have `steps` tokens."""
    made, weights, compute = model_parts(cell, sizes, threads, precision)
    weights["softmax.b"][END] = -30  # nothing ends before the last step, on either side
    options, batches = SearchOptions(beam=beam, max_length=steps), _batches(lengths, sizes[0])
    longest = max(len(batch.source) for batch in batches)
    model = IncrementalTranslation(made, weights, (longest, 64, beam), compute=compute)

    def step() -> None:
        for batch in batches:
            search(model, batch.source, batch.source_lengths, end=END, options=options)

    return step


def trained_decoding(run: str, lines: Sequence[str], threads: int, beam: int) -> Step:
    """Return what translates all lines with the best weights of a run."""
    translator = loaded_translator.load(RunFolder(Path(run)), threads=threads)

    def step() -> list[str]:
        return [best.text for best, *_ in translator.translate(lines, SearchOptions(beam=beam))]

    return step


def _batches(lengths: Lengths, V: int) -> list[PairBatch]:
    ordered = sorted(lengths)
    return [random_batch(ordered[at : at + 64], V) for at in range(0, len(ordered), 64)]
