"""The network for inference: reads and generates a few texts in parallel, token by token, with carried states."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.backend import CELLS, CPU, HAS_BFLOAT16, Packed, inference, linear, packed_stack, workspace
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]

MAX_TABLE_VALUES = 4_000_000
"""Maximum size of the table of the first layer's products with all tokens."""

MIN_BFLOAT16_WEIGHTS = 2_000_000
"""From this size on, memory bandwidth limits a step for a few texts, not arithmetic. Weights of half the size are then
faster even if they are widened to float32 again: 2x512 takes 0.28 instead of 0.50 ms, 2x256 is no faster."""


def inference_precision(s: RunSettings, weights: Arena) -> str:
    """Return the precision of products when the network of `weights` reads a few texts."""
    precision = (
        "bfloat16"
        if s.run.precision == "auto" and HAS_BFLOAT16 and weights.flat.size >= MIN_BFLOAT16_WEIGHTS
        else s.run.precision
    )
    return CPU.resolve_precision(precision, weights.flat.dtype)


class IncrementalModel:
    """Up to B texts over shared weights; `load` updates the copy of the weights."""

    def __init__(self, s: RunSettings, weights: Arena, B: int = 1) -> None:
        cell, dtype = CELLS[s.network.cell], weights.flat.dtype
        self._cell, self.precision = cell, inference_precision(s, weights)
        self._weights: Arena | None = weights
        L, H, P, GH = s.network.layers, s.network.hidden, len(cell.unit_params), len(cell.gates) * s.network.hidden
        RH = len(cell.recurrent_gates) * H
        V, D = weights["embedding"].shape
        self._inference = inference.compiled(s.network.cell)
        self.h = np.zeros((L, B, H), dtype)
        self.c = np.zeros((L, B, len(cell.memories) * H), dtype)
        self._table = np.zeros((V if V * GH <= MAX_TABLE_VALUES else 0, GH), dtype)
        self._W_0 = packed_stack(1, D, GH, self.precision)[0]
        self._W_ih = packed_stack(L - 1, H, GH, self.precision)
        self._W_hh = packed_stack(L, H, RH, self.precision)
        self._W_out = packed_stack(1, H, V, self.precision)[0]
        self._out = "embedding" if s.network.tied else "softmax.W"
        self._b, self._unit = np.zeros((L, GH), dtype), np.zeros((L, P, H), dtype)
        self._x, self._gates, self._a_h = (np.zeros((B, width), dtype) for width in (D, GH, RH))
        self.logits = np.zeros((B, V), dtype)
        """(B, V) of the next token, after the last `read`."""
        self.nats = np.zeros(0)
        """(N,) of the tokens of the last `generate`: -ln of the probability that the network gave each."""
        self._p = np.zeros(V)
        self.load()

    def load(self) -> None:
        """Load the present weights; the states are unchanged."""
        w = self._weights
        assert w is not None  # not released

        def fill(words: Array, name: str) -> Packed:
            matrix = Packed(w[name].shape[1], w[name].shape[0], self.precision, words)
            matrix.pack_transposed(w[name], 1)
            return matrix

        W_0 = fill(self._W_0, "layers.0.W_ih")
        for k in range(len(self.h)):
            if k > 0:
                fill(self._W_ih[k - 1], f"layers.{k}.W_ih")
            fill(self._W_hh[k], f"layers.{k}.W_hh")
            self._b[k], self._unit[k] = w[f"layers.{k}.b"], w[f"layers.{k}.unit"]
        fill(self._W_out, self._out)
        if len(self._table):
            linear.forward(w["embedding"], W_0, w["layers.0.b"], self._table, 1)
        self._network = (
            self._table, w["embedding"], self._W_0, self._W_ih, self._W_hh, self._b, self._unit, self._W_out,
            w["softmax.b"],
        )  # fmt: skip
        scratch = workspace.scratch(1, self.precision)[0]
        self._work = (self._x, self._gates, self._a_h, self.logits, scratch)
        self._work_without_logits = (self._x, self._gates, self._a_h, self.logits[:0], scratch)

    def release(self) -> None:
        """Release the weights that were packed; `load` must not be called again."""
        table, embedding, *packed, b_out = self._network
        # A view would keep all weights in memory. A tied embedding has already been packed as W_out.
        has_copy = len(table) > 0 or self._out == "embedding"
        embedding = np.empty((0, embedding.shape[1]), embedding.dtype) if has_copy else embedding.copy()
        self._network = (table, embedding, *packed, b_out.copy())
        self._weights = None

    def reset(self) -> None:
        """Set the states to 0."""
        self.h.fill(0)
        self.c.fill(0)

    def read(self, tokens: Array) -> Array:
        """Read `tokens` (N, b) int32, b <= B, and return the logits (b, V) after them, valid until the next call."""
        self._inference.read(tokens, self._network, (self.h, self.c), self._work)
        return self.logits[: tokens.shape[1]]

    def advance(self, tokens: Array) -> None:
        """Read `tokens` (N, b) int32, b <= B, to update the states only; `logits` are unchanged."""
        self._inference.read(tokens, self._network, (self.h, self.c), self._work_without_logits)

    def generate(self, uniform: Array, temperature: float, top_k: int, top_p: float, banned: int = -1) -> Array:
        """Continue the first text by one token for each random number of `uniform` in [0, 1), and return them (N,).

        Each token is drawn from `sampling.distribution`, and then read. `nats` has the surprise of each.
        """
        tokens = np.empty(len(uniform), np.int32)
        self.nats = np.empty(len(uniform))
        options = (float(temperature), int(top_k), float(top_p), int(banned))
        self._inference.write(tokens, self.nats, uniform, options, self._network, (self.h, self.c), self._work, self._p)
        return tokens
