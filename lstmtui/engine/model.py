"""The network: embedding, recurrent layers, softmax. Forward and backward over one window, states carried.

    tokens > embedding > [dropout] > layer 0 > [dropout] > layer 1 > ... > [dropout] > softmax cross-entropy

Every buffer is made once, for one (T, B); a training step allocates nothing.

A window is walked in segments of steps: only states and gates are kept of all of it, everything else (inputs, logits,
their gradients) of one segment at a time. With `recompute` gates are too: only the states in which segments begin are
kept, and backward walks each segment forward again first (Chen et al. 2016, arXiv:1604.06174). Segments are the same
either way, and so is every bit of the result.

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


def segments(T: int, B: int, V: int) -> list[tuple[int, int]]:
    """Return the first step of each segment of a window, and the one after its last.

    Each has rows enough that packing weights for it costs little (1 % at 1500), and so few that its logits do not
    outgrow the rest.
    """
    rows = max(LEAST_ROWS, min(ROWS, LOGITS // V))
    length = -(-T // max(1, T * B // rows))
    return [(start, min(start + length, T)) for start in range(0, T, length)]


ROWS, LEAST_ROWS = 1536, 512
LOGITS = 16_000_000
"""Numbers in a segment's logits, 64 MB of float32."""


def window_numbers(s: Settings, V: int, T: int, B: int) -> int:
    """Return how many numbers the buffers of a network that trains hold, weights and their like not counted."""
    cell, H, D, L = CELLS[s.cell], s.hidden or 0, s.embedding or 0, s.layers or 0
    rows = B * _longest(segments(T, B, V))
    kept = rows if s.recompute else T * B
    return kept * L * H * (len(cell.saved) + len(cell.states)) + rows * (V + 2 * H + max(D, H) + D + (L - 1) * H)


class Layer:
    """Buffers of one recurrent layer for `kept` steps of B sequences; `backward` adds what only training needs."""

    def __init__(
        self, s: Settings, D: int, kept: int, spans: list[tuple[int, int]], B: int, dtype: Any, *, backward: bool
    ) -> None:
        cell = CELLS[s.cell]
        H = s.hidden or 0
        G, C = len(cell.gates), H if cell.has_c else 0
        X = (len(cell.saved) - G) * H
        self.gates = np.zeros((kept, B, G * H), dtype)
        """W_ih x + b, then the gates after their nonlinearity, and after backward the gradient of the first."""
        self.extra = np.zeros((kept, B, X), dtype)
        """As `gates`, for what the cell saves beyond them."""
        self.h = np.zeros((kept + 1, B, H), dtype)
        self.c = np.zeros((kept + 1, B, C), dtype)
        self.scratch = np.zeros((B, G * H), dtype)
        self.inputs = np.zeros((_longest(spans), B, D), dtype)
        """Of one segment, where they are not the outputs of the layer below; dW_ih needs them."""
        ends = [0, *(end for _, end in spans)]
        self._whole = kept == ends[-1]
        # h and c (B, H) in which each segment begins, and those in which the window ends.
        if self._whole:
            self.states = [(self.h[at], self.c[at]) for at in ends]
        else:
            self.states = [(np.zeros((B, H), dtype), np.zeros((B, C), dtype)) for _ in ends]
        precision = precision_of(s, dtype)
        self.W_ih = Packed(D, G * H, precision)
        self.W_hh = Packed(H, G * H, precision)
        if backward:
            self.dh = np.zeros((B, H), dtype)
            self.dc = np.zeros((B, C), dtype)
            self.mask_in = np.ones((B, D), dtype)
            self.dropped_W_hh = np.zeros((G * H, H), dtype)

    def steps(self, start: int, end: int) -> tuple[Array, Array, Array, Array]:
        """Return gates, extra, h and c of a segment; h and c have one step more, the state it begins in."""
        if not self._whole:
            start, end = 0, end - start
        return self.gates[start:end], self.extra[start:end], self.h[start : end + 1], self.c[start : end + 1]

    def begin(self, segment: int) -> None:
        """Put the state that a segment begins in where `steps` has it."""
        if not self._whole:
            self.h[0], self.c[0] = self.states[segment]

    def end(self, segment: int, length: int) -> None:
        """Keep the state that a segment of so many steps has ended in."""
        if not self._whole:
            for kept, state in zip(self.states[segment + 1], (self.h[length], self.c[length]), strict=True):
                kept[...] = state


class Network:
    """One (T, B) of the network over shared weights.

    Raises MemoryError where its buffers do not fit.
    """

    def __init__(
        self, s: Settings, weights: Arena, T: int, B: int, *, threads: int, backward: bool, segment: int | None = None
    ) -> None:
        """`segment` is how many steps to walk at a time, where that is not to follow from the sizes."""
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
        self.segments = [(0, T)]
        if backward:
            self.segments = segments(T, B, V)
            if segment is not None:
                self.segments = [(at, min(at + segment, T)) for at in range(0, T, segment)]
        S = _longest(self.segments)
        self._recomputes = backward and bool(s.recompute) and len(self.segments) > 1
        kept = S if self._recomputes else T
        self.layers = [
            Layer(s, D if k == 0 else H, kept, self.segments, B, dtype, backward=backward) for k in range(s.layers)
        ]
        self.top = np.zeros((S, B, H), dtype)
        self.logits = np.zeros((S * B, V), dtype)
        """Of one segment; of the whole window in a network that only reads."""
        self.nll = np.zeros(T * B, dtype)
        self.W_out = "embedding" if s.tied else "softmax.W"
        self._packed_out = Packed(H, V, self.precision)
        self._pays_table = 2 * V <= T * B
        self._table = np.zeros((V if self._pays_table else 0, len(self.cell.gates) * H), dtype)
        self._trains = backward
        if backward:
            self.gradients = Arena(weights.layout, weights.flat.dtype.type)
            self.dtop = np.zeros((S, B, H), dtype)
            self.mask_top = np.ones((B, H), dtype)
            self.dinputs = np.zeros((S, B, max(D, H)), dtype).reshape(-1)
            self._dtable = np.zeros_like(self._table)
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
            for state in layer.states[0]:
                state.fill(0)

    def carry(self) -> None:
        """Start the next window from the states at the end of this one."""
        for layer in self.layers:
            for first, last in zip(layer.states[0], layer.states[-1], strict=True):
                first[...] = last

    def states(self) -> dict[str, Array]:
        """Return the carried-in states by name, as views: L.h and L.c, (B, H)."""
        found = {}
        for k, layer in enumerate(self.layers):
            found[f"{k}.h"], c = layer.states[0]
            if self.cell.has_c:
                found[f"{k}.c"] = c
        return found

    # --- forward --------------------------------------------------------------------------------------------------

    def forward(self, tokens: Array) -> Array:
        """Read `tokens` (T, B) int32 and return the logits (T * B, V), valid until the next call.

        For a network that only reads: one that trains does not keep the logits of a whole window.
        """
        assert not self._trains
        self._make_table(NO_DROPOUT)
        self._walk(0, tokens, NO_DROPOUT)
        return self._logits(0, NO_DROPOUT)

    def evaluate(self, tokens: Array, targets: Array) -> Array:
        """Return the negative log likelihood (T * B,) in nats of each target (T, B) after reading `tokens`."""
        self._prepare(NO_DROPOUT)
        for segment, (start, end) in enumerate(self.segments):
            self._walk(segment, tokens, NO_DROPOUT)
            nll = self.nll[start * self.B : end * self.B]
            softmax.nll(self._logits(segment, NO_DROPOUT), targets[start:end].reshape(-1), nll, self.threads)
        return self.nll

    def look(self, tokens: Array) -> int:
        """Read `tokens` (T, B) for the sake of the gates, and return the step that `gates` then begin at."""
        self._prepare(NO_DROPOUT)
        for segment in range(len(self.segments)):
            self._walk(segment, tokens, NO_DROPOUT)
        return self.segments[-1][0] if self._recomputes else 0

    def gates(self) -> list[Array]:
        """Return a view of each layer's gates after their nonlinearity, (steps, B, G, H), as `look` has left them."""
        held = self.segments[-1] if self._recomputes else (0, self.T)
        G = len(self.cell.gates)
        return [layer.gates[: held[1] - held[0]].reshape(-1, self.B, G, layer.h.shape[2]) for layer in self.layers]

    def _prepare(self, drop: Dropout) -> None:
        """Take weights and masks for a window."""
        if self._trains:
            self.pack(drop)
        for k, layer in enumerate(self.layers):
            if rate := _rate(k, drop):
                dropout.locked_mask(layer.mask_in, rate, _key(drop.key, 2 * k))
        if drop.layers > 0:
            dropout.locked_mask(self.mask_top, drop.layers, _key(drop.key, 2 * len(self.layers)))
        self._make_table(drop)

    def _make_table(self, drop: Dropout) -> None:
        if self._uses_table(drop):
            w = self.weights
            linear.forward(w["embedding"], self.layers[0].W_ih, w["layers.0.b"], self._table, self.threads)

    def _walk(self, segment: int, tokens: Array, drop: Dropout) -> None:
        """Walk all layers over a segment, from the state it begins in."""
        w, threads, (start, end) = self.weights, self.threads, self.segments[segment]
        for k, layer in enumerate(self.layers):
            layer.begin(segment)
            gates, extra, h, c = layer.steps(start, end)
            flat = gates.reshape((end - start) * self.B, -1)
            if k == 0 and self._uses_table(drop):
                embedding.forward(self._table, tokens[start:end].reshape(-1), flat, threads)
            else:
                inputs = self._inputs(k, segment, tokens, drop)
                linear.forward(inputs.reshape(len(flat), -1), layer.W_ih, w[f"layers.{k}.b"], flat, threads)
            unit = w[f"layers.{k}.unit"]
            self.recurrence.forward(gates, layer.W_hh, unit, h, c, extra, layer.scratch, threads)
            layer.end(segment, end - start)

    def _inputs(self, k: int, segment: int, tokens: Array, drop: Dropout) -> Array:
        """Return the inputs (steps, B, D) of layer k in a segment, where need be made again in its buffer for them."""
        layer, (start, end) = self.layers[k], self.segments[segment]
        made = layer.inputs[: end - start]
        if k == 0:
            flat = made.reshape((end - start) * self.B, -1)
            embedding.forward(self.weights["embedding"], tokens[start:end].reshape(-1), flat, self.threads)
        below = made if k == 0 else self.layers[k - 1].steps(start, end)[2][1:]
        if _rate(k, drop) == 0:
            return below
        dropout.apply(below, layer.mask_in, made, self.threads)
        return made

    def _top(self, segment: int, drop: Dropout) -> Array:
        """Return what the softmax reads in a segment (steps * B, H)."""
        start, end = self.segments[segment]
        top = self.layers[-1].steps(start, end)[2][1:]
        if drop.layers > 0:
            dropout.apply(top, self.mask_top, self.top[: end - start], self.threads)
            top = self.top[: end - start]
        return top.reshape((end - start) * self.B, -1)

    def _logits(self, segment: int, drop: Dropout) -> Array:
        start, end = self.segments[segment]
        logits = self.logits[: (end - start) * self.B]
        linear.forward(self._top(segment, drop), self._packed_out, self.weights["softmax.b"], logits, self.threads)
        return logits

    def _uses_table(self, drop: Dropout) -> bool:
        return self._pays_table and drop.inputs == 0  # a mask would give each sequence a table of its own

    # --- forward and backward -------------------------------------------------------------------------------------

    def gradient(self, tokens: Array, targets: Array, drop: Dropout = NO_DROPOUT) -> float:
        """Fill `gradients` with those of the mean loss over the window, and return that loss in nats per token.

        tokens, targets (T, B) int32. Truncated: nothing flows in from the window after this one.
        """
        self._prepare(drop)
        self.gradients.flat.fill(0)
        for layer in self.layers:
            layer.dh.fill(0)
            layer.dc.fill(0)
        self._dtable.fill(0)
        last = len(self.segments) - 1
        for segment in range(last + 1):
            self._walk(segment, tokens, drop)
        for segment in range(last, -1, -1):
            if self._recomputes and segment < last:
                self._walk(segment, tokens, drop)
            self._backward(segment, tokens, targets, drop)
        self._finish(drop)
        return float(np.mean(self.nll, dtype=np.float64))

    def _backward(self, segment: int, tokens: Array, targets: Array, drop: Dropout) -> None:
        """Add a segment's gradients, given those of the states that follow it in each layer's dh and dc."""
        w, g, threads, (start, end) = self.weights, self.gradients, self.threads, self.segments[segment]
        N, precision = (end - start) * self.B, self.precision
        dlogits = self._logits(segment, drop)
        nll = self.nll[start * self.B : end * self.B]
        softmax.cross_entropy(dlogits, targets[start:end].reshape(-1), nll, 1.0 / (self.T * self.B), threads)
        top = self.top[: end - start].reshape(N, -1) if drop.layers > 0 else self._top(segment, drop)
        linear.backward_weights(dlogits, top, g[self.W_out], g["softmax.b"], precision, threads)
        dabove = self.dtop[: end - start]
        linear.backward_input(dlogits, w[self.W_out], dabove.reshape(N, -1), precision, threads)
        if drop.layers > 0:
            dropout.apply(dabove, self.mask_top, dabove, threads)
        for k in range(len(self.layers) - 1, -1, -1):
            self._backward_recurrence(k, segment, dabove, drop)
            if k > 0 or not self._uses_table(drop):
                dabove = self._backward_inputs(k, segment, tokens, drop)
        of_tokens = tokens[start:end].reshape(-1)
        if self._uses_table(drop):
            da = self.layers[0].steps(start, end)[0]
            embedding.backward(da.reshape(N, -1), of_tokens, self._dtable, threads)
        else:
            embedding.backward(dabove.reshape(N, -1), of_tokens, g["embedding"], threads)

    def _backward_recurrence(self, k: int, segment: int, dabove: Array, drop: Dropout) -> None:
        """Walk layer k back, given dL/dh of its outputs (steps, B, H), and add the gradients of what is recurrent."""
        w, g, threads, layer = self.weights, self.gradients, self.threads, self.layers[k]
        name, (start, end) = f"layers.{k}", self.segments[segment]
        gates, extra, h, c = layer.steps(start, end)
        self.recurrence.backward(
            dabove, layer.dropped_W_hh if drop.weights > 0 else w[f"{name}.W_hh"], w[f"{name}.unit"],
            h, c, gates, extra, layer.dh, layer.dc, g[f"{name}.unit"], layer.scratch, self.precision, threads,
        )  # fmt: skip
        N = (end - start) * self.B
        before, da, dW_hh = h[:-1].reshape(N, -1), gates.reshape(N, -1), g[f"{name}.W_hh"]
        if self.cell.split:
            shared = dW_hh.shape[0] - extra.shape[2]
            linear.backward_weights(da[:, :shared], before, dW_hh[:shared], None, self.precision, threads)
            da, dW_hh = extra.reshape(N, -1), dW_hh[shared:]
        linear.backward_weights(da, before, dW_hh, None, self.precision, threads)

    def _backward_inputs(self, k: int, segment: int, tokens: Array, drop: Dropout) -> Array:
        """Add the gradients of W_ih and b of layer k, and return that of its inputs (steps, B, D)."""
        w, g, threads, layer = self.weights, self.gradients, self.threads, self.layers[k]
        name, (start, end) = f"layers.{k}", self.segments[segment]
        N = (end - start) * self.B
        inputs, da = self._inputs(k, segment, tokens, drop), layer.steps(start, end)[0].reshape(N, -1)
        D = inputs.shape[2]
        linear.backward_weights(
            da, inputs.reshape(N, D), g[f"{name}.W_ih"], g[f"{name}.b"], self.precision, threads
        )  # fmt: skip
        dinputs = self.dinputs[: N * D].reshape(end - start, self.B, D)
        linear.backward_input(da, w[f"{name}.W_ih"], dinputs.reshape(N, D), self.precision, threads)
        if _rate(k, drop) > 0:
            dropout.apply(dinputs, layer.mask_in, dinputs, threads)
        return dinputs

    def _finish(self, drop: Dropout) -> None:
        """Turn what all segments have added up into gradients of the weights."""
        w, g, threads = self.weights, self.gradients, self.threads
        if drop.weights > 0:
            for k in range(len(self.layers)):
                dW_hh = g[f"layers.{k}.W_hh"].reshape(-1)
                dropout.drop_weights_backward(dW_hh, drop.weights, _key(drop.key, 2 * k + 1), threads)
        if self._uses_table(drop):
            dW_ih, db, dtable = g["layers.0.W_ih"], g["layers.0.b"], self._dtable
            linear.backward_weights(dtable, w["embedding"], dW_ih, db, self.precision, threads)
            linear.backward_input(dtable, w["layers.0.W_ih"], g["embedding"], self.precision, threads, add=True)


def _rate(k: int, drop: Dropout) -> float:
    """Return the dropout on the inputs of layer k."""
    return drop.inputs if k == 0 else drop.layers


def _longest(spans: list[tuple[int, int]]) -> int:
    return max(end - start for start, end in spans)


def _key(step_key: int, place: int) -> int:
    """Return the key of one mask of a step; the kernels hash it."""
    return (step_key * 64 + place) & 0xFFFF_FFFF_FFFF_FFFF
