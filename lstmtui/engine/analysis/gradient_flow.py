"""How far gradients reach back: norms of dL/dh and dL/dc by lag and layer, from a real backward pass.

L is the negative log likelihood of one token, in nats, at the end of a stretch of text. At lag k stands the gradient
with respect to the state that a layer carries into the last k steps, all other states being as they are:

    h_k = mean over sequences of || dL / dh_{t-k} ||        and c_k likewise, k = 1 ... K

which is what truncated backpropagation cuts off, and what vanishes or explodes (Bengio, Simard and Frasconi 1994;
Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063). The text is read as ever; the recurrence is walked back one step at
a time, so that the gradient can be looked at on its way.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.corpus import Dataset
from lstmtui.engine.backend import Cell, Packed, StateGradients, Steps, linear, softmax
from lstmtui.engine.nn.language_model import Network
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import Kept
from lstmtui.errors import UsageError
from lstmtui.reports.gradient_flow import Flow

Array = np.ndarray[Any, Any]

LAGS = 100
SEQUENCES = 8
CONTEXT = 25
"""Tokens read before the first that counts, so that the states are those of running text."""
CHUNK = 25
"""Steps read at once: enough that the products are wide, few enough that the logits are small."""


class GradientFlow:
    """Measures one set of weights on stretches of one text, as often as wanted; the stretches stay the same."""

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
        """Choose up to `sequences` stretches of `tokens` (N,), spread over it. Raises UsageError for N < 3."""
        length = min(CONTEXT + lags, len(tokens) - 1)
        if length < 2:
            raise UsageError(f"A gradient needs a text of 3 tokens or more to be followed through, not {len(tokens)}.")
        T = min(CHUNK, length)
        length -= length % T
        self.lags = max(1, min(lags, length - min(CONTEXT, length // 5)))
        B = max(1, min(sequences, (len(tokens) - 1) // length))
        starts = np.linspace(0, len(tokens) - 1 - length, B).astype(np.int64)
        # (length + 1, B): the last row is what the last step predicts.
        self._tokens = np.stack([np.asarray(tokens[at : at + length + 1], np.int32) for at in starts], axis=1)
        self._s, self._weights, self._threads = s, weights, threads
        # In float32: a gradient that has nearly vanished is what one wants to see.
        self._network = Network(s.changed(precision="float32"), weights, T, B, threads=threads, backward=False)
        self._cell: Cell = self._network.cell

    def measure(self, step: int = 0) -> Flow:
        """Return the gradient flow of the weights as they are now; `step` is written down with it."""
        stack = self._network.stack
        trace = [_Trace(stack.kept(k), self.lags) for k in range(stack.depth)]
        self._network.reset()
        T, length = self._network.T, len(self._tokens) - 1
        for start in range(0, length, T):
            self._network.look(self._tokens[start : start + T])
            for k, kept in enumerate(trace):
                kept.keep(stack.kept(k), start - (length - self.lags), T)
            self._network.carry()
        half = [half_lives(self._cell, kept.gates) for kept in trace]  # before the walk back overwrites them
        h, c = self._walk_back(trace, self._loss_gradient())
        return Flow(step=step, cell=self._cell.name, h=h, c=c, half_life=np.stack(half))

    def _loss_gradient(self) -> Array:
        """Return dL/dh of the top layer's last output (B, H); each row is the gradient of its own sequence's loss."""
        stack = self._network.stack
        h, precision = stack.kept(stack.depth - 1).h[-1], self._network.precision
        W, b = self._weights[self._network.W_out], self._weights["softmax.b"]
        logits, nll, dh = np.zeros((len(h), len(W)), h.dtype), np.zeros(len(h), h.dtype), np.zeros_like(h)
        packed = Packed(W.shape[1], len(W), precision)
        packed.pack_transposed(W, self._threads)
        linear.forward(h, packed, b, logits, self._threads)
        softmax.cross_entropy(logits, self._tokens[-1].copy(), nll, 1.0, self._threads)
        linear.backward_input(logits, W, dh, precision, self._threads)
        return dh

    def _walk_back(self, trace: list[_Trace], dtop: Array) -> tuple[Array, Array]:
        """Return the norms (L, K) of dL/dh and dL/dc, given dL/dh of the top layer at the last step (B, H)."""
        K, w, threads = self.lags, self._weights, self._threads
        (B, H), dtype, precision = dtop.shape, dtop.dtype, self._network.precision
        norms_h = np.zeros((len(trace), K))
        norms_c = np.zeros((len(trace), K if self._cell.memories else 0))
        dabove = np.zeros((K, B, H), dtype)
        dabove[-1] = dtop
        recurrence = self._network.stack.recurrence
        for k in reversed(range(len(trace))):
            kept, name = trace[k], f"layers.{k}"
            W_ih, unit = w[f"{name}.W_ih"], w[f"{name}.unit"]
            one_step = np.ones(B, np.int32)
            dh, dc, dunit = np.zeros((B, H), dtype), np.zeros_like(kept.c[0]), np.zeros_like(unit)
            scratch = np.zeros((B, self._cell.scratch_blocks * H), dtype)
            for t in reversed(range(K)):
                at, states = slice(t, t + 1), slice(t, t + 2)
                step = Steps(kept.gates[at], kept.h[states], kept.c[states], kept.extra[at], one_step, scratch)
                dstates = StateGradients(dh, dc)
                recurrence.backward(dabove[at], step, w[f"{name}.W_hh"], unit, dstates, dunit, precision, threads)
                norms_h[k, K - 1 - t] = _norm(dh)
                if self._cell.memories:
                    norms_c[k, K - 1 - t] = _norm(dc[:, :H])  # of the states beside h, the first
            if k:
                dabove = np.zeros((K, B, W_ih.shape[1]), dtype)
                da = kept.gates.reshape(K * B, -1)
                linear.backward_input(da, W_ih, dabove.reshape(K * B, -1), precision, threads)
        return norms_h, norms_c


def from_dataset(s: RunSettings, weights: Arena, data: Dataset) -> GradientFlow | None:
    """Return what measures `weights` on validation text, or on training text where there is none; None without any."""
    tokens = data.valid.tokens if len(data.valid.tokens) > LAGS else data.train.tokens
    return GradientFlow(s, weights, tokens, threads=s.run.threads) if len(tokens) > 2 else None


class _Trace:
    """What one layer computed over the last K steps, one after the other."""

    def __init__(self, layer: Kept, K: int) -> None:
        self.h = np.zeros((K + 1, *layer.h.shape[1:]), layer.h.dtype)
        self.c = np.zeros((K + 1, *layer.c.shape[1:]), layer.c.dtype)
        self.gates = np.zeros((K, *layer.gates.shape[1:]), layer.gates.dtype)
        self.extra = np.zeros((K, *layer.extra.shape[1:]), layer.extra.dtype)

    def keep(self, layer: Kept, at: int, T: int) -> None:
        """Keep the T steps that `layer` took last as those from `at` on; what comes before step 0 is left out."""
        skipped, end = max(0, -at), at + T
        if end > 0:
            self.h[at + skipped : end + 1], self.c[at + skipped : end + 1] = layer.h[skipped:], layer.c[skipped:]
            self.gates[at + skipped : end] = layer.gates[skipped:]
            self.extra[at + skipped : end] = layer.extra[skipped:]


def half_lives(cell: Cell, gates: Array) -> Array:
    """Return the steps (H,) after which a unit has forgotten half, from its gates (T, B, GH).

    By the mean of what a step keeps, by the cell's memory gate: f, 1 - i where one gate does both, the GRU's z; (0,)
    for a cell that has no such gate. The mean, since it is what is left on average that is asked for; the mean
    logarithm would let one step that forgets all outweigh a hundred that forget nothing.
    """
    gates = gates.reshape(-1, len(cell.gates), gates.shape[2] // len(cell.gates)).astype(np.float64)
    if cell.memory_gate is None:
        return np.zeros(0)
    gate = gates[:, cell.gate_names.index(cell.memory_gate.gate)]
    kept = gate if cell.memory_gate.sign > 0 else 1.0 - gate
    return np.asarray(math.log(0.5) / np.log(np.clip(kept.mean(axis=0), 1e-12, 1 - 1e-9)))


def _norm(gradient: Array) -> float:
    """Return the mean over sequences of the norm of each one's gradient (B, H)."""
    return float(np.sqrt(np.square(gradient.astype(np.float64)).sum(axis=1)).mean())
