"""The network: embedding, recurrent layers, softmax. Forward and backward over one window, states carried.

    tokens > embedding > [dropout] > layer 0 > [dropout] > layer 1 > ... > [dropout] > softmax cross-entropy

Every buffer is made once, for one (T, B); a training step allocates nothing.

Where there are fewer tokens to know than positions in a window, the first layer's product with its inputs is a table:
computed once for each token of the vocabulary, and looked up at each position; its gradients likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.engine.backend import CELLS, HAS_BFLOAT16, Packed, dropout, embedding, linear, recurrence, softmax
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


def precision_of(s: Settings, dtype: Any) -> str:
    """Return in what the products are computed: as set, where this processor can, or else in the weights' type."""
    if np.dtype(dtype) == np.float64:
        return "float64"
    return "bfloat16" if s.precision != "float32" and HAS_BFLOAT16 else "float32"


class Layer:
    """Buffers of one recurrent layer for T steps of B sequences; `backward` adds what only training needs."""

    def __init__(self, s: Settings, D: int, T: int, B: int, dtype: Any, *, backward: bool) -> None:
        cell = CELLS[s.cell]
        H = s.hidden or 0
        G, C = len(cell.gates), H if cell.has_c else 0
        X = (len(cell.saved) - G) * H
        self.gates = np.zeros((T, B, G * H), dtype)
        """W_ih x + b, then the gates after their nonlinearity, and after backward the gradient of the first."""
        self.extra = np.zeros((T, B, X), dtype)
        """As `gates`, for what the cell saves beyond them."""
        self.h = np.zeros((T + 1, B, H), dtype)
        self.c = np.zeros((T + 1, B, C), dtype)
        self.scratch = np.zeros((B, G * H), dtype)
        self.inputs = np.zeros((T, B, D), dtype)  # after dropout; dW_ih needs it
        precision = precision_of(s, dtype)
        self.W_ih = Packed(D, G * H, precision)
        self.W_hh = Packed(H, G * H, precision)
        if backward:
            self.dh = np.zeros((B, H), dtype)
            self.dc = np.zeros((B, C), dtype)
            self.mask_in = np.ones((B, D), dtype)
            self.dropped_W_hh = np.zeros((G * H, H), dtype)


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
        self.precision = precision_of(s, dtype)
        V = weights["embedding"].shape[0]
        D, H = s.embedding, s.hidden
        self.layers = [Layer(s, D if k == 0 else H, T, B, dtype, backward=backward) for k in range(s.layers)]
        self.top = np.zeros((T, B, H), dtype)
        self.logits = np.zeros((T * B, V), dtype)
        self.nll = np.zeros(T * B, dtype)
        self.W_out = "embedding" if s.tied else "softmax.W"
        self._packed_out = Packed(H, V, self.precision)
        self._pays_table = 2 * V <= T * B
        self._table = np.zeros((V if self._pays_table else 0, len(self.cell.gates) * H), dtype)
        self._trains = backward
        if backward:
            self.gradients = Arena(weights.layout, weights.flat.dtype.type)
            self.dtop = np.zeros((T, B, H), dtype)
            self.mask_top = np.ones((B, H), dtype)
            self.dinputs = np.zeros((T, B, max(D, H)), dtype).reshape(-1)
        else:
            self.pack()

    # --- weights --------------------------------------------------------------------------------------------------

    def pack(self, drop: Dropout = NO_DROPOUT) -> None:
        """Take the weights as they are now; what trains does so at each step."""
        w, threads = self.weights, self.threads
        for k, layer in enumerate(self.layers):
            W_hh = w[f"layers.{k}.W_hh"]
            if drop.weights > 0:
                dropout.drop_weights(
                    W_hh.reshape(-1), layer.dropped_W_hh.reshape(-1), drop.weights, _key(drop.key, 2 * k + 1), threads
                )
                W_hh = layer.dropped_W_hh
            layer.W_ih.columns(w[f"layers.{k}.W_ih"], threads)
            layer.W_hh.columns(W_hh, threads)
        self._packed_out.columns(w[self.W_out], threads)

    # --- states ---------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget everything read so far, and take the weights as they are now."""
        if not self._trains:
            self.pack()
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
        if self._trains:
            self.pack(drop)
        below = self._read_tokens(tokens, drop)
        for k, layer in enumerate(self.layers):
            rate = drop.inputs if k == 0 else drop.layers
            if rate > 0:
                dropout.locked_mask(layer.mask_in, rate, _key(drop.key, 2 * k))
                dropout.apply(below, layer.mask_in, layer.inputs, threads)
                below = layer.inputs
            if k > 0 or not self._uses_table(drop):
                gates = layer.gates.reshape(T * B, -1)
                linear.forward(below.reshape(T * B, -1), layer.W_ih, w[f"layers.{k}.b"], gates, threads)
            unit = w[f"layers.{k}.unit"]
            self.recurrence.forward(
                layer.gates, layer.W_hh, unit, layer.h, layer.c, layer.extra, layer.scratch, threads
            )
            below = layer.h[1:]
        if drop.layers > 0:
            dropout.locked_mask(self.mask_top, drop.layers, _key(drop.key, 2 * len(self.layers)))
            dropout.apply(below, self.mask_top, self.top, threads)
            below = self.top
        linear.forward(below.reshape(T * B, -1), self._packed_out, w["softmax.b"], self.logits, threads)
        return self.logits

    def _uses_table(self, drop: Dropout) -> bool:
        return self._pays_table and drop.inputs == 0  # a mask would give each sequence a table of its own

    def _read_tokens(self, tokens: Array, drop: Dropout) -> Array:
        """Fill the first layer's inputs, or its gates where they are looked up in a table."""
        w, first, threads = self.weights, self.layers[0], self.threads
        N = self.T * self.B
        if self._uses_table(drop):
            linear.forward(w["embedding"], first.W_ih, w["layers.0.b"], self._table, threads)
            embedding.forward(self._table, tokens.reshape(-1), first.gates.reshape(N, -1), threads)
        else:
            embedding.forward(w["embedding"], tokens.reshape(-1), first.inputs.reshape(N, -1), threads)
        return first.inputs

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
        precision = self.precision
        linear.backward_weights(dlogits, top.reshape(T * B, -1), g[self.W_out], g["softmax.b"], precision, threads)
        dabove = self.dtop
        linear.backward_input(dlogits, w[self.W_out], dabove.reshape(T * B, -1), precision, threads)
        if drop.layers > 0:
            dropout.apply(dabove, self.mask_top, dabove, threads)
        for k in reversed(range(len(self.layers))):
            self._backward_recurrence(k, dabove, drop)
            if k > 0 or not self._uses_table(drop):
                dabove = self._backward_inputs(k, drop)
        if self._uses_table(drop):
            self._backward_table(tokens)
        else:
            embedding.backward(dabove.reshape(T * B, -1), tokens.reshape(-1), g["embedding"], threads)
        return float(np.mean(self.nll, dtype=np.float64))

    def _backward_recurrence(self, k: int, dabove: Array, drop: Dropout) -> None:
        """Walk layer k back, given dL/dh of its outputs (T, B, H), and add the gradients of what is recurrent."""
        w, g, threads, layer = self.weights, self.gradients, self.threads, self.layers[k]
        name, N = f"layers.{k}", self.T * self.B
        layer.dh.fill(0)
        layer.dc.fill(0)
        self.recurrence.backward(
            dabove, layer.dropped_W_hh if drop.weights > 0 else w[f"{name}.W_hh"], w[f"{name}.unit"],
            layer.h, layer.c, layer.gates, layer.extra, layer.dh, layer.dc, g[f"{name}.unit"], layer.scratch,
            self.precision, threads,
        )  # fmt: skip
        h, da, dW_hh = layer.h[:-1].reshape(N, -1), layer.gates.reshape(N, -1), g[f"{name}.W_hh"]
        if self.cell.split:
            shared = dW_hh.shape[0] - layer.extra.shape[2]
            linear.backward_weights(da[:, :shared], h, dW_hh[:shared], None, self.precision, threads)
            da, dW_hh = layer.extra.reshape(N, -1), dW_hh[shared:]
        linear.backward_weights(da, h, dW_hh, None, self.precision, threads)
        if drop.weights > 0:
            dropout.drop_weights_backward(
                g[f"{name}.W_hh"].reshape(-1), drop.weights, _key(drop.key, 2 * k + 1), threads
            )

    def _backward_inputs(self, k: int, drop: Dropout) -> Array:
        """Add the gradients of W_ih and b of layer k, and return that of its inputs (T, B, D)."""
        w, g, T, B, threads, layer = self.weights, self.gradients, self.T, self.B, self.threads, self.layers[k]
        name = f"layers.{k}"
        rate = drop.inputs if k == 0 else drop.layers
        inputs = layer.inputs if k == 0 or rate > 0 else self.layers[k - 1].h[1:]
        D, da = inputs.shape[2], layer.gates.reshape(T * B, -1)
        linear.backward_weights(
            da, inputs.reshape(T * B, D), g[f"{name}.W_ih"], g[f"{name}.b"], self.precision, threads
        )
        dinputs = self.dinputs[: T * B * D].reshape(T, B, D)
        linear.backward_input(da, w[f"{name}.W_ih"], dinputs.reshape(T * B, D), self.precision, threads)
        if rate > 0:
            dropout.apply(dinputs, layer.mask_in, dinputs, threads)
        return dinputs

    def _backward_table(self, tokens: Array) -> None:
        """Add the gradients of the embedding, and of W_ih and b of the first layer, through the table."""
        w, g, threads, first = self.weights, self.gradients, self.threads, self.layers[0]
        dtable = self._table
        dtable.fill(0)
        embedding.backward(first.gates.reshape(self.T * self.B, -1), tokens.reshape(-1), dtable, threads)
        linear.backward_weights(dtable, w["embedding"], g["layers.0.W_ih"], g["layers.0.b"], self.precision, threads)
        linear.backward_input(dtable, w["layers.0.W_ih"], g["embedding"], self.precision, threads, add=True)


def _key(step_key: int, place: int) -> int:
    """Return the key of one mask of a step; the kernels hash it."""
    return (step_key * 64 + place) & 0xFFFF_FFFF_FFFF_FFFF
