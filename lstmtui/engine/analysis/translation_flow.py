"""Gradient flow of a translation model, of every layer of encoder and decoder, in the terms of `gradient_flow`.

L is the negative log likelihood of one target token, in nats, within a sentence. The value at lag k of a layer of the
decoder is the gradient with respect to the state that it carries into the last k target steps; of a layer of the
encoder, that which it carries into its last k source tokens: of the backward direction, the first k of the sentence.
Attention reads every source token, and so it brings gradients to each of them: those of an encoder need not go through
time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lstmtui.data.pair_batches import IGNORED, PairBatch, make_batch
from lstmtui.data.pairs import PairTokens
from lstmtui.engine.analysis.gradient_flow import LAGS, SEQUENCES, half_lives
from lstmtui.engine.analysis.translation_layers import SOURCE, NamedLayer, at_tokens, named_layers
from lstmtui.engine.backend import Cell, StateGradients, Steps
from lstmtui.engine.nn.encoder_decoder import Batch, EncoderDecoder
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import Recurrent
from lstmtui.engine.nn.translation_model import TranslationModel, TranslationSizes
from lstmtui.errors import UsageError
from lstmtui.reports.gradient_flow import Flow

Array = np.ndarray[Any, Any]


class TranslationFlow:
    """Measures one set of weights, any number of times, on the same pairs."""

    def __init__(
        self, sizes: TranslationSizes, weights: Arena, pairs: PairTokens, *, lags: int = LAGS,
        sequences: int = SEQUENCES, threads: int = 1,
    ) -> None:  # fmt: skip
        """Choose up to `sequences` of the longest pairs; the shortest of them bounds the lags. Raises UsageError where
        no pair has two tokens on both sides."""
        self._batch, longest = long_batch(pairs, sequences, lags)
        self.lags = min(lags, longest)
        (S, B), T = self._batch.source.shape, len(self._batch.inputs)
        gradients = Arena(weights.layout, weights.flat.dtype.type)
        # In float32, or float64, so that nearly vanished gradients are measured.
        compute = Compute(weights.flat.dtype.name, threads)
        self._model = TranslationModel(sizes, weights, (S, T, B), compute=compute, gradients=gradients)

    def measure(self, step: int = 0) -> Flow:
        """Return the gradient flow of the current weights; `step` is recorded with it."""
        layers = named_layers(self._model)
        return measure_flow(
            self._model, self._batch, layers, [self._lengths(layer) for layer in layers], lags=self.lags, step=step
        )

    def _lengths(self, layer: NamedLayer) -> Array:
        """Return the steps (B,) that a layer takes in each pair."""
        T, B = self._batch.inputs.shape
        return self._batch.source_lengths if layer.side == SOURCE else np.full(B, T)


def measure_flow(
    model: EncoderDecoder[Batch], batch: Batch, layers: Sequence[NamedLayer], lengths: Sequence[Array], *, lags: int,
    step: int,
) -> Flow:  # fmt: skip
    """Return the gradient flow of some layers of a model.

    batch    has a loss at one target of each of its examples
    lengths  (N,) of each layer: the steps of each sequence that it reads, `lags` at least; N is a multiple of the
             examples
    """
    cell: Cell = model.decoder.lower.cell
    model.evaluate(batch)
    half = [half_lives(cell, _flat(at_tokens(layer.gates, real))) for layer, real in zip(layers, lengths, strict=True)]
    with _recorded(layers) as recorders:
        model.gradient(batch)
    found = [recorder.norms(layer.number) for layer, recorder in zip(layers, recorders, strict=True)]
    # The loss is the mean over examples; wanted is the gradient of each.
    h, c = (
        batch.inputs.shape[1]
        * np.stack([_by_lag(norms[state], real, lags) for norms, real in zip(found, lengths, strict=True)])
        for state in (0, 1)
    )
    return Flow(
        step=step, cell=cell.name, h=h, c=c if cell.memories else c[:, :0], half_life=np.stack(half),
        layer_names=tuple(layer.name for layer in layers),
    )  # fmt: skip


def _by_lag(norms: Array, last: Array, lags: int) -> Array:
    """Return the mean over sequences of norms (steps, N) by lag (K,): lag 1 is the last step of each."""
    at = last - np.arange(1, lags + 1)[:, None]
    return np.asarray(np.take_along_axis(norms, at, axis=0).mean(axis=1))


def long_batch(pairs: PairTokens, count: int, wanted: int) -> tuple[PairBatch, int]:
    """Return up to `count` pairs that are as long as wanted, or the longest, and how many tokens both sides of each
    have at least.

    Targets end within the shortest, so that all have the same number of steps, and only the last token has a loss.
    Raises UsageError where no pair has two tokens on both sides.
    """
    source, target = pairs.source.lengths, pairs.target.lengths - 1  # the end is no token of the target
    shorter = np.minimum(source, target)
    chosen = np.lexsort((np.maximum(source, target), -np.minimum(shorter, wanted)))[:count]
    chosen = chosen[shorter[chosen] >= 2]
    if not len(chosen):
        raise UsageError("Gradient flow needs a pair with two tokens or more on both sides.")
    T = int(shorter[chosen].min())
    batch = make_batch(pairs, chosen)
    targets = np.full_like(batch.targets[:T], IGNORED)
    targets[-1] = batch.targets[T - 1]
    return batch._replace(inputs=batch.inputs[:T], targets=targets), T


class _Recorder:
    """Runs the recurrences of a stack backward one step at a time, and records the norms of their states' gradients."""

    def __init__(self, stack: Recurrent) -> None:
        self._depth, self._backward = stack.depth, stack.recurrence.backward
        self._norms: list[tuple[Array, Array]] = []

    def norms(self, number: int) -> tuple[Array, Array]:
        """Return those of dL/dh and dL/dc of a layer (T, B): of the state that is carried into each step."""
        return self._norms[self._depth - 1 - number]  # the highest layer comes first

    def backward(
        self, dh_above: Array, steps: Steps, W_hh: Array, unit: Array, dstates: StateGradients, dunit: Array,
        precision: str, threads: int,
    ) -> None:  # fmt: skip
        """Do what the recurrence does."""
        (T, B, H), dtype = dh_above.shape, np.float64
        norms_h, norms_c = np.zeros((T, B), dtype), np.zeros((T, B), dtype)
        for t in range(T - 1, -1, -1):
            at, states, real = slice(t, t + 1), slice(t, t + 2), (steps.lengths > t).astype(np.int32)
            one = Steps(steps.gates[at], steps.h[states], steps.c[states], steps.extra[at], real, steps.scratch)
            self._backward(dh_above[at], one, W_hh, unit, dstates, dunit, precision, threads)
            norms_h[t] = np.linalg.norm(dstates.dh.astype(dtype), axis=1)
            norms_c[t] = np.linalg.norm(dstates.dc[:, :H].astype(dtype), axis=1)  # of the first state beside h
        self._norms.append((norms_h, norms_c))


@contextmanager
def _recorded(layers: Sequence[NamedLayer]) -> Iterator[list[_Recorder]]:
    """Have every layer's backward pass recorded; yield the recorder of each."""
    stacks = {id(layer.stack): layer.stack for layer in layers}
    recorders = {key: _Recorder(stack) for key, stack in stacks.items()}
    compiled = {key: stack.recurrence for key, stack in stacks.items()}
    for key, stack in stacks.items():
        stack.recurrence = compiled[key]._replace(backward=recorders[key].backward)
    try:
        yield [recorders[id(layer.stack)] for layer in layers]
    finally:
        for key, stack in stacks.items():
            stack.recurrence = compiled[key]


def _flat(gates: Array) -> Array:
    """Return gates (N, G, H) as `half_lives` reads them, (N, 1, GH)."""
    return gates.reshape(len(gates), 1, -1)
