"""Gradient flow: norms of dL/dh and dL/dc by lag and layer, from a backward pass of the network.

L is the negative log likelihood of one token, in nats, at the end of a passage. The value at lag k is the gradient with
respect to the state that a layer carries into the last k steps, with all other states fixed:

    h_k = mean over sequences of || dL / dh_{t-k} ||        and c_k likewise, k = 1 ... K

This gradient is what truncated backpropagation cuts off, and what vanishes or explodes (Bengio, Simard and Frasconi
1994; Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063). The forward pass is the usual one; the backward pass goes one
step at a time, so that each gradient can be recorded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.corpus import Dataset
from lstmtui.engine.backend import Cell, Packed, StateGradients, Steps, linear, softmax
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.layer_buffers import Activations
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import UsageError
from lstmtui.reports.gradient_flow import Flow

Array = np.ndarray[Any, Any]

LAGS = 100
SEQUENCES = 8
CONTEXT = 25
"""Tokens read before the measured ones, so that the states are not initial."""
CHUNK = 25
"""Steps read at once: enough that the products are wide, few enough that the logits are small."""


class GradientFlow:
    """Measures one set of weights, any number of times, on the same passages of one text."""

    def __init__(
        self,
        s: RunSettings,
        weights: Arena,
        tokens: Any,
        *,
        lags: int = LAGS,
        sequences: int = SEQUENCES,
        threads: int = 1,
    ) -> None:
        """Choose up to `sequences` passages of `tokens` (N,), evenly spaced. Raises UsageError for N < 3."""
        length = min(CONTEXT + lags, len(tokens) - 1)
        if length < 2:
            raise UsageError(f"Gradient flow needs a text of 3 tokens or more, not {len(tokens)}.")
        T = min(CHUNK, length)
        length -= length % T
        self.lags = max(1, min(lags, length - min(CONTEXT, length // 5)))
        B = max(1, min(sequences, (len(tokens) - 1) // length))
        starts = np.linspace(0, len(tokens) - 1 - length, B).astype(np.int64)
        # (length + 1, B): the last row is the target of the last step.
        self._tokens = np.stack([np.asarray(tokens[at : at + length + 1], np.int32) for at in starts], axis=1)
        self._weights, self._threads = weights, threads
        # In float32, so that nearly vanished gradients are measured.
        self._network = LanguageModel(s.changed(precision="float32"), weights, T, B, threads=threads, backward=False)
        self._cell: Cell = self._network.cell

    def measure(self, step: int = 0) -> Flow:
        """Return the gradient flow of the current weights; `step` is recorded with it."""
        stack = self._network.recurrent
        trace = [_Trace(stack.activations(k), self.lags) for k in range(stack.depth)]
        self._network.reset()
        T, length = self._network.T, len(self._tokens) - 1
        for start in range(0, length, T):
            self._network.observe(self._tokens[start : start + T])
            for k, history in enumerate(trace):
                history.store(stack.activations(k), start - (length - self.lags), T)
            self._network.carry()
        half = [half_lives(self._cell, history.gates) for history in trace]  # before the backward pass overwrites them
        h, c = self._backward(trace, self._loss_gradient())
        return Flow(step=step, cell=self._cell.name, h=h, c=c, half_life=np.stack(half))

    def _loss_gradient(self) -> Array:
        """Return dL/dh of the top layer's last output (B, H); each row is the gradient of its sequence's loss."""
        stack = self._network.recurrent
        h, precision = stack.activations(stack.depth - 1).h[-1], self._network.precision
        W, b = self._weights[self._network.W_out], self._weights["softmax.b"]
        logits, nll, dh = np.zeros((len(h), len(W)), h.dtype), np.zeros(len(h), h.dtype), np.zeros_like(h)
        packed = Packed(W.shape[1], len(W), precision)
        packed.pack_transposed(W, self._threads)
        linear.forward(h, packed, b, logits, self._threads)
        softmax.cross_entropy(logits, self._tokens[-1].copy(), nll, 1.0, self._threads)
        linear.backward_input(logits, W, dh, precision, self._threads)
        return dh

    def _backward(self, trace: list[_Trace], dtop: Array) -> tuple[Array, Array]:
        """Return the norms (L, K) of dL/dh and dL/dc, given dL/dh of the top layer at the last step (B, H)."""
        K, w, threads = self.lags, self._weights, self._threads
        (B, H), dtype, precision = dtop.shape, dtop.dtype, self._network.precision
        norms_h = np.zeros((len(trace), K))
        norms_c = np.zeros((len(trace), K if self._cell.memories else 0))
        dabove = np.zeros((K, B, H), dtype)
        dabove[-1] = dtop
        recurrence = self._network.recurrent.recurrence
        for k in reversed(range(len(trace))):
            history, name = trace[k], f"layers.{k}"
            W_ih, unit = w[f"{name}.W_ih"], w[f"{name}.unit"]
            one_step = np.ones(B, np.int32)
            dh, dc, dunit = np.zeros((B, H), dtype), np.zeros_like(history.c[0]), np.zeros_like(unit)
            scratch = np.zeros((B, self._cell.scratch_blocks * H), dtype)
            for t in reversed(range(K)):
                at, states = slice(t, t + 1), slice(t, t + 2)
                step = Steps(
                    history.gates[at], history.h[states], history.c[states], history.extra[at], one_step, scratch
                )
                dstates = StateGradients(dh, dc)
                recurrence.backward(dabove[at], step, w[f"{name}.W_hh"], unit, dstates, dunit, precision, threads)
                norms_h[k, K - 1 - t] = _norm(dh)
                if self._cell.memories:
                    norms_c[k, K - 1 - t] = _norm(dc[:, :H])  # of the first state beside h
            if k:
                dabove = np.zeros((K, B, W_ih.shape[1]), dtype)
                da = history.gates.reshape(K * B, -1)
                linear.backward_input(da, W_ih, dabove.reshape(K * B, -1), precision, threads)
        return norms_h, norms_c


def from_dataset(s: RunSettings, weights: Arena, data: Dataset) -> GradientFlow | None:
    """Return a measurement on the validation text, or on the training text without one; None for too short texts."""
    tokens = data.valid.tokens if len(data.valid.tokens) > LAGS else data.train.tokens
    return GradientFlow(s, weights, tokens, threads=s.run.threads) if len(tokens) > 2 else None


class _Trace:
    """The history of one layer over the last K steps."""

    def __init__(self, layer: Activations, K: int) -> None:
        self.h = np.zeros((K + 1, *layer.h.shape[1:]), layer.h.dtype)
        self.c = np.zeros((K + 1, *layer.c.shape[1:]), layer.c.dtype)
        self.gates = np.zeros((K, *layer.gates.shape[1:]), layer.gates.dtype)
        self.extra = np.zeros((K, *layer.extra.shape[1:]), layer.extra.dtype)

    def store(self, layer: Activations, at: int, T: int) -> None:
        """Store the last T steps of `layer` from `at` on; steps before 0 are left out."""
        skipped, end = max(0, -at), at + T
        if end > 0:
            self.h[at + skipped : end + 1], self.c[at + skipped : end + 1] = layer.h[skipped:], layer.c[skipped:]
            self.gates[at + skipped : end] = layer.gates[skipped:]
            self.extra[at + skipped : end] = layer.extra[skipped:]


def half_lives(cell: Cell, gates: Array) -> Array:
    """Return the half-life (H,) of each unit's memory in steps, from its gates (T, B, GH).

    It follows from the mean retained fraction: f, 1 - i where one gate does both, the GRU's z. A cell without such a
    gate has none, (0,). The mean logarithm would let one step that forgets everything outweigh a hundred that forget
    nothing.
    """
    gates = gates.reshape(-1, len(cell.gates), gates.shape[2] // len(cell.gates)).astype(np.float64)
    if cell.memory_gate is None:
        return np.zeros(0)
    gate = gates[:, cell.gate_names.index(cell.memory_gate.gate)]
    retained = gate if cell.memory_gate.sign > 0 else 1.0 - gate
    return np.asarray(math.log(0.5) / np.log(np.clip(retained.mean(axis=0), 1e-12, 1 - 1e-9)))


def _norm(gradient: Array) -> float:
    """Return the mean over sequences of the norms of a gradient (B, H)."""
    return float(np.sqrt(np.square(gradient.astype(np.float64)).sum(axis=1)).mean())
