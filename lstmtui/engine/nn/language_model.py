"""The language model: embedding, recurrent layers, softmax. Forward and backward over one window, states carried.

    tokens > embedding > recurrent layers (recurrent.py) > softmax cross-entropy

All buffers are allocated once, for one (T, B); a training step allocates nothing. The model processes a window in
segments, so that logits and other wide arrays exist for one segment only.

If the vocabulary is smaller than the number of positions in a window, the first layer's product with its inputs is a
table: it is computed once for each token of the vocabulary and looked up at each position. Its gradient works likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.backend import CELLS
from lstmtui.engine.nn.layer_buffers import Spans, longest_span
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import NO_DROPOUT, NO_PENALTY, Dropout, Penalty, Recurrent, mask_key

Array = np.ndarray[Any, Any]


def segments(T: int, B: int, V: int) -> Spans:
    """Return the start and end step of each segment of a window.

    A segment has enough rows to make the cost of packing weights small (1 % at 1500), and few enough to limit the
    size of its logits.
    """
    rows = max(MIN_ROWS, min(MAX_ROWS, MAX_LOGITS // V))
    length = -(-T // max(1, T * B // rows))
    return [(start, min(start + length, T)) for start in range(0, T, length)]


MAX_ROWS, MIN_ROWS = 1536, 512
MAX_LOGITS = 16_000_000
"""Maximum size of a segment's logits: 64 MB of float32."""


class LanguageModel:
    """The network with buffers for one (T, B), over shared weights.

    Raises MemoryError if its buffers do not fit the memory.
    """

    def __init__(
        self,
        s: RunSettings,
        weights: Arena,
        T: int,
        B: int,
        *,
        threads: int,
        backward: bool,
        segment: int | None = None,
    ) -> None:
        """`segment` overrides the number of steps in a segment, which otherwise follows from the sizes."""
        self.weights, self.T, self.B, self.threads = weights, T, B, threads
        self.cell, self.device = CELLS[s.network.cell], weights.device
        dtype, zeros = weights.flat.dtype, self.device.arrays.zeros
        self.precision = self.device.resolve_precision(s.run.precision, dtype)
        V, H = weights["embedding"].shape[0], s.network.hidden
        self.segments: Spans = [(0, T)]
        if backward:
            self.segments = segments(T, B, V)
            if segment is not None:
                self.segments = [(start, min(start + segment, T)) for start in range(0, T, segment)]
            self.gradients = Arena(weights.layout, dtype.type, self.device)
        self.recurrent = Recurrent(
            s.network.cell, weights, self.segments, B,
            compute=Compute(self.precision, threads),
            gradients=self.gradients if backward else None, recompute=bool(s.run.recompute),
        )  # fmt: skip
        S = longest_span(self.segments)
        self._drop, self._penalties = NO_DROPOUT, NO_PENALTY
        self._tokens, self._targets = zeros((T, B), np.int32), zeros((T, B), np.int32)
        self.nll = zeros(T * B, dtype)
        self._key = object()
        """Identifies these buffers: see `_replayed`."""
        self._tied = bool(s.network.tied)
        self.W_out = "embedding" if self._tied else "softmax.W"
        self.softmax = self.device.linear_cross_entropy.LinearCrossEntropy(S * B, H, V, dtype, self.precision)
        """Buffers for one segment; for the whole window in a model that only reads."""
        self._has_table = 2 * V <= T * B
        self._table = zeros((V if self._has_table else 0, len(self.cell.gates) * H), dtype)
        self._trains = backward
        if backward:
            self._doutputs = zeros((S, B, H), dtype)
            self._dtable = zeros(self._table.shape, dtype)
            self._mask = zeros((1, V), dtype)
            # The tokens of the last window, whose rows are not 0 in the embedding's gradient, if they are known.
            self._embedded, self._knows_embedded = zeros((T, B), np.int32), False
        else:
            self.pack()

    # --- weights and states ---------------------------------------------------------------------------------------

    def pack(self) -> None:
        """Pack the present weights; a training step does so itself."""
        self.recurrent.pack()

    def reset(self) -> None:
        """Set the carried states to 0, and update the weights of a model that only reads."""
        if not self._trains:
            self.pack()
        self.recurrent.reset()

    def carry(self) -> None:
        """Start the next window from the states at the end of this one."""
        self._replayed("carry", self.recurrent.carry)

    def states(self) -> dict[str, Array]:
        """Return the carried-in states by name, on the host: L.h (B, H) and L.c (B, MH)."""
        return {name: self.device.arrays.to_host(state) for name, state in self.recurrent.states().items()}

    def set_states(self, states: dict[str, Array]) -> None:
        """Set the carried states, from arrays on the host under the names of `states`."""
        for name, state in self.recurrent.states().items():
            self.device.arrays.copy_to_device(states[name], state)

    # --- forward --------------------------------------------------------------------------------------------------

    def evaluate(self, tokens: Array, targets: Array) -> Array:
        """Return the negative log-likelihood (T * B,) in nats of each target (T, B), given the tokens up to it."""
        self._load(tokens, targets)
        self._draw(NO_DROPOUT)
        self._replayed("evaluate", self._evaluate)
        return np.asarray(self.device.arrays.to_host(self.nll))

    def _evaluate(self) -> None:
        self._prepare()
        for segment in range(len(self.segments)):
            self._forward(segment)
            self._predict(segment, self.recurrent.outputs(segment))

    def observe(self, tokens: Array) -> int:
        """Read `tokens` (T, B) to record the gates, and return the first step that `gates` covers."""
        self._load(tokens)
        self._draw(NO_DROPOUT)
        self._replayed("observe", self._observe)
        return self.segments[-1][0] if self.recurrent.recomputes else 0

    def _observe(self) -> None:
        self._prepare()
        for segment in range(len(self.segments)):
            self._forward(segment)

    def gates(self) -> list[Array]:
        """Return each layer's gates after their nonlinearity, (steps, B, G, H), on the host, after `observe`."""
        return self.recurrent.gates()

    def _load(self, *windows: Array) -> None:
        """Copy tokens and targets from the host to their buffers on the device."""
        for window, buffer in zip(windows, (self._tokens, self._targets), strict=False):
            self.device.arrays.copy_to_device(window, buffer)

    def _draw(self, drop: Dropout, penalties: Penalty = NO_PENALTY) -> None:
        """Draw the dropout masks of a window; with the tokens, they are all that differs between windows."""
        self._drop, self._penalties = drop, penalties
        self.recurrent.draw(drop, penalties)
        if drop.tokens > 0:
            self.device.dropout.locked_mask(self._mask, drop.tokens, mask_key(drop.key, 2 * self.recurrent.depth + 1))

    def _replayed(self, name: str, work: Callable[[], None]) -> None:
        """Run `work`, which calls the same kernels with the same arrays in each call under this name."""
        drop = self._drop
        drops = (drop.inputs > 0, drop.layers > 0, drop.weights > 0, drop.tokens > 0)
        self.device.replay((self._key, name, drops, self._penalties, self._trains and self._knows_embedded), work)

    def _prepare(self) -> None:
        """Pack the weights of a model that trains, and begin a window."""
        if self._trains:
            self.pack()
        self.recurrent.prepare()
        if self._uses_table:
            w = self.weights
            self.device.linear.forward(
                w["embedding"], self.recurrent.first_packed(), w["layers.0.b"], self._table, self.threads
            )

    def _forward(self, segment: int) -> None:
        """Run all layers forward over a segment, from the state before it."""
        if not self._uses_table:
            self.recurrent.forward(segment, self._inputs(segment))
            return
        products, (start, end) = self.recurrent.products(segment), self.segments[segment]
        flat = products.reshape((end - start) * self.B, -1)
        self.device.embedding.forward(self._table, self._tokens[start:end].reshape(-1), flat, self.threads)
        self.recurrent.forward(segment, None)

    def _inputs(self, segment: int) -> Array:
        """Return the embedded tokens (steps, B, D) of a segment, in the recurrent layers' input buffer."""
        inputs, (start, end) = self.recurrent.inputs(segment), self.segments[segment]
        flat, tokens = inputs.reshape((end - start) * self.B, -1), self._tokens[start:end].reshape(-1)
        self.device.embedding.forward(self.weights["embedding"], tokens, flat, self.threads)
        self._drop_tokens(flat, tokens)
        return inputs

    def _drop_tokens(self, rows: Array, tokens: Array) -> None:
        """Apply token dropout to the rows (N, D) of tokens (N,): embeddings or their gradient."""
        if self._drop.tokens > 0:
            self.device.dropout.scale_rows(rows, tokens, self._mask[0], self.threads)

    def _predict(self, segment: int, outputs: Array) -> None:
        """Fill `nll` of a segment, given its outputs (steps, B, H)."""
        (start, end), w = self.segments[segment], self.weights
        N = (end - start) * self.B
        self.softmax.forward(
            outputs.reshape(N, -1), w[self.W_out], w["softmax.b"], self._targets[start:end].reshape(-1),
            self.nll[start * self.B : end * self.B], 1.0 / (self.T * self.B), self.threads,
        )  # fmt: skip

    @property
    def _uses_table(self) -> bool:
        # Input dropout would need a table for each sequence, token dropout one for each window.
        return self._has_table and self._drop.inputs == 0 and self._drop.tokens == 0

    # --- forward and backward -------------------------------------------------------------------------------------

    def gradient(
        self, tokens: Array, targets: Array, drop: Dropout = NO_DROPOUT, penalties: Penalty = NO_PENALTY
    ) -> float:
        """Compute the gradients of the mean loss over the window, and return that loss in nats per token.

        tokens, targets (T, B) int32. Backpropagation is truncated at the end of the window. The gradients include the
        penalties, the returned loss does not; `recurrent.penalised` returns the penalties.
        """
        self._load(tokens, targets)
        self._draw(drop, penalties)
        self._replayed("gradient", self._gradient)
        self._knows_embedded = not (self._tied or self._uses_table)
        self.recurrent.finish()
        return float(np.mean(self.device.arrays.to_host(self.nll), dtype=np.float64))

    def _gradient(self) -> None:
        self._prepare()
        self._clear()
        last = len(self.segments) - 1
        for segment in range(last + 1):
            self._forward(segment)
        for segment in range(last, -1, -1):
            if self.recurrent.recomputes and segment < last:
                self._forward(segment)
            self._backward(segment)
        if self._uses_table:
            self._backward_table()

    def _clear(self) -> None:
        """Clear the buffer to which the segments of a window add the gradient of the embedding."""
        arrays = self.device.arrays
        if self._uses_table:
            arrays.fill(self._dtable, 0)
        elif not self._tied:
            dtable = self.gradients["embedding"]
            if self._knows_embedded:
                self.device.embedding.clear(self._embedded.reshape(-1), dtable, self.threads)
            else:
                arrays.fill(dtable, 0, self.threads)
            arrays.copy(self._tokens, self._embedded)

    def _backward(self, segment: int) -> None:
        """Add a segment's gradients; the recurrent layers hold those of the states after it."""
        w, g, threads, embedding = self.weights, self.gradients, self.threads, self.device.embedding
        start, end = self.segments[segment]
        N, tokens = (end - start) * self.B, self._tokens[start:end].reshape(-1)
        outputs, doutputs = self.recurrent.outputs(segment), self._doutputs[: end - start]
        self._predict(segment, outputs)
        self.softmax.backward(
            outputs.reshape(N, -1), w[self.W_out], self._targets[start:end].reshape(-1), doutputs.reshape(N, -1),
            g[self.W_out], g["softmax.b"], threads, add=segment < len(self.segments) - 1,
        )  # fmt: skip
        if self._uses_table:
            da = self.recurrent.backward(segment, doutputs, None)
            embedding.backward(da.reshape(N, -1), tokens, self._dtable, threads)
        else:
            dinputs = self.recurrent.backward(segment, doutputs, self._inputs(segment)).reshape(N, -1)
            self._drop_tokens(dinputs, tokens)
            embedding.backward(dinputs, tokens, g["embedding"], threads)

    def _backward_table(self) -> None:
        """Compute the gradients of embedding, W_ih and b of the first layer from the gradient of the table."""
        w, g, threads, dtable, linear = self.weights, self.gradients, self.threads, self._dtable, self.device.linear
        linear.backward_weights(dtable, w["embedding"], g["layers.0.W_ih"], g["layers.0.b"], self.precision, threads)
        linear.backward_input(dtable, w["layers.0.W_ih"], g["embedding"], self.precision, threads, add=self._tied)
