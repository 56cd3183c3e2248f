"""The network: embedding, recurrent layers, softmax. Forward and backward over one window, states carried.

    tokens > embedding > [dropout] > layer 0 > [dropout] > layer 1 > ... > [dropout] > softmax cross-entropy

Every buffer is made once, for one (T, B); a training step allocates nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.engine.backend import CELLS, dropout, embedding, linear, recurrence, softmax
from lstmtui.engine.params import Arena

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Dropout:
    """Rates of one step, and the key its random masks follow from."""

    inputs: float = 0.0
    layers: float = 0.0
    weights: float = 0.0
    key: int = 0


NO_DROPOUT = Dropout()


class Layer:
    """Buffers of one recurrent layer for T steps of B sequences; `backward` adds what only training needs."""

    def __init__(self, s: Settings, D: int, T: int, B: int, dtype: Any, *, backward: bool) -> None:
        cell = CELLS[s.cell]
        H = s.hidden or 0
        G, S, C = len(cell.gates), len(cell.saved), H if cell.has_c else 0
        self.a_x = np.zeros((T, B, G * H), dtype)
        self.h = np.zeros((T + 1, B, H), dtype)
        self.c = np.zeros((T + 1, B, C), dtype)
        self.saved = np.zeros((T, B, S * H), dtype)
        self.scratch = np.zeros((B, G * H), dtype)
        self.inputs = np.zeros((T, B, D), dtype)  # after dropout; dW_ih needs it
        if backward:
            self.da_x = self.a_x  # a_x has been used up when its gradient is written
            self.da_h = np.zeros((T, B, G * H), dtype) if cell.split else self.da_x
            self.dh = np.zeros((B, H), dtype)
            self.dc = np.zeros((B, C), dtype)
            self.mask_in = np.ones((B, D), dtype)
            self.W_hh = np.zeros((G * H, H), dtype)


class Network:
    """One (T, B) of the network over shared weights.

    Raises MemoryError where its buffers do not fit.
    """

    def __init__(self, s: Settings, weights: Arena, T: int, B: int, *, threads: int, backward: bool) -> None:
        assert s.hidden is not None
        assert s.layers is not None
        assert s.embedding is not None
        self.weights, self.T, self.B, self.threads = weights, T, B, threads
        self.cell = CELLS[s.cell]
        self.recurrence = recurrence.compiled(s.cell)
        dtype = weights.flat.dtype
        V = weights["embedding"].shape[0]
        D, H = s.embedding, s.hidden
        self.layers = [Layer(s, D if k == 0 else H, T, B, dtype, backward=backward) for k in range(s.layers)]
        self.top = np.zeros((T, B, H), dtype)
        self.logits = np.zeros((T * B, V), dtype)
        self.nll = np.zeros(T * B, dtype)
        self.W_out = "embedding" if s.tied else "softmax.W"
        if backward:
            self.gradients = Arena(weights.layout, weights.flat.dtype.type)
            self.dtop = np.zeros((T, B, H), dtype)
            self.mask_top = np.ones((B, H), dtype)
            self.dinputs = np.zeros((T, B, max(D, H)), dtype).reshape(-1)

    # --- states ---------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget everything read so far."""
        for layer in self.layers:
            layer.h[0], layer.c[0] = 0, 0

    def carry(self) -> None:
        """Start the next window from the states at the end of this one."""
        for layer in self.layers:
            layer.h[0], layer.c[0] = layer.h[self.T], layer.c[self.T]

    def states(self) -> dict[str, Array]:
        """Return the carried-in states by name, as views: L.h and L.c, (B, H)."""
        found = {}
        for k, layer in enumerate(self.layers):
            found[f"{k}.h"] = layer.h[0]
            if self.cell.has_c:
                found[f"{k}.c"] = layer.c[0]
        return found

    # --- forward --------------------------------------------------------------------------------------------------

    def forward(self, tokens: Array, drop: Dropout = NO_DROPOUT) -> Array:
        """Read `tokens` (T, B) int32 and return the logits (T * B, V), valid until the next call."""
        w, T, B, threads = self.weights, self.T, self.B, self.threads
        first = self.layers[0].inputs
        embedding.forward(w["embedding"], tokens.reshape(-1), first.reshape(T * B, -1), threads)
        below = first
        for k, layer in enumerate(self.layers):
            rate = drop.inputs if k == 0 else drop.layers
            if rate > 0:
                dropout.locked_mask(layer.mask_in, rate, _key(drop.key, 2 * k))
                dropout.apply(below, layer.mask_in, layer.inputs, threads)
                below = layer.inputs
            W_hh = w[f"layers.{k}.W_hh"]
            if drop.weights > 0:
                dropout.drop_weights(
                    W_hh.reshape(-1), layer.W_hh.reshape(-1), drop.weights, _key(drop.key, 2 * k + 1), threads
                )
                W_hh = layer.W_hh
            a_x = layer.a_x.reshape(T * B, -1)
            linear.forward(below.reshape(T * B, -1), w[f"layers.{k}.W_ih"], w[f"layers.{k}.b"], a_x, threads)
            unit = w[f"layers.{k}.unit"]
            self.recurrence.forward(layer.a_x, W_hh, unit, layer.h, layer.c, layer.saved, layer.scratch, threads)
            below = layer.h[1:]
        if drop.layers > 0:
            dropout.locked_mask(self.mask_top, drop.layers, _key(drop.key, 2 * len(self.layers)))
            dropout.apply(below, self.mask_top, self.top, threads)
            below = self.top
        linear.forward(below.reshape(T * B, -1), w[self.W_out], w["softmax.b"], self.logits, threads)
        return self.logits

    def evaluate(self, tokens: Array, targets: Array) -> Array:
        """Return the negative log likelihood (T * B,) in nats of each target (T, B) after reading `tokens`."""
        self.forward(tokens)
        softmax.nll(self.logits, targets.reshape(-1), self.nll, self.threads)
        return self.nll

    # --- forward and backward -------------------------------------------------------------------------------------

    def gradient(self, tokens: Array, targets: Array, drop: Dropout = NO_DROPOUT) -> float:
        """Fill `gradients` with those of the mean loss over the window, and return that loss in nats per token.

        tokens, targets (T, B) int32. Truncated: nothing flows in from the window after this one.
        """
        w, g, T, B, threads = self.weights, self.gradients, self.T, self.B, self.threads
        self.forward(tokens, drop)
        softmax.cross_entropy(self.logits, targets.reshape(-1), self.nll, 1.0 / (T * B), threads)
        dlogits = self.logits
        g.flat.fill(0)

        top = self.top if drop.layers > 0 else self.layers[-1].h[1:]
        linear.backward_weights(dlogits, top.reshape(T * B, -1), g[self.W_out], g["softmax.b"], threads)
        dabove = self.dtop
        linear.backward_input(dlogits, w[self.W_out], dabove.reshape(T * B, -1), threads)
        if drop.layers > 0:
            dropout.apply(dabove, self.mask_top, dabove, threads)
        for k in reversed(range(len(self.layers))):
            dabove = self._backward_layer(k, dabove, drop)
        embedding.backward(dabove.reshape(T * B, -1), tokens.reshape(-1), g["embedding"], threads)
        return float(np.mean(self.nll, dtype=np.float64))

    def _backward_layer(self, k: int, dabove: Array, drop: Dropout) -> Array:
        """Add layer k's gradients, given dL/dh of its outputs (T, B, H); return that of its inputs (T, B, D)."""
        w, g, T, B, threads, layer = self.weights, self.gradients, self.T, self.B, self.threads, self.layers[k]
        name = f"layers.{k}"
        W_hh = layer.W_hh if drop.weights > 0 else w[f"{name}.W_hh"]
        layer.dh.fill(0)
        layer.dc.fill(0)
        self.recurrence.backward(
            dabove, W_hh, w[f"{name}.unit"], layer.h, layer.c, layer.saved, layer.da_x, layer.da_h,
            layer.dh, layer.dc, g[f"{name}.unit"], layer.scratch, threads,
        )  # fmt: skip
        rate = drop.inputs if k == 0 else drop.layers
        inputs = layer.inputs if k == 0 or rate > 0 else self.layers[k - 1].h[1:]
        D = inputs.shape[2]
        da_x, da_h = layer.da_x.reshape(T * B, -1), layer.da_h.reshape(T * B, -1)
        linear.backward_weights(da_x, inputs.reshape(T * B, D), g[f"{name}.W_ih"], g[f"{name}.b"], threads)
        linear.backward_weights(da_h, layer.h[:-1].reshape(T * B, -1), g[f"{name}.W_hh"], None, threads)
        if drop.weights > 0:
            dropout.drop_weights_backward(
                g[f"{name}.W_hh"].reshape(-1), drop.weights, _key(drop.key, 2 * k + 1), threads
            )
        dinputs = self.dinputs[: T * B * D].reshape(T, B, D)
        linear.backward_input(da_x, w[f"{name}.W_ih"], dinputs.reshape(T * B, D), threads)
        if rate > 0:
            dropout.apply(dinputs, layer.mask_in, dinputs, threads)
        return dinputs


def _key(step_key: int, place: int) -> int:
    """Return the key of one mask of a step; the kernels hash it."""
    return (step_key * 64 + place) & 0xFFFF_FFFF_FFFF_FFFF
