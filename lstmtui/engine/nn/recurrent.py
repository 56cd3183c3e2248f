"""The recurrent layers: inputs (T, B, D) to outputs (T, B, H), forward and backward over one window, states carried.

    inputs > [dropout] > layer 0 > [dropout] > layer 1 > ... > [dropout] > outputs

The model supplies the block below (an embedding, or plain numbers) and the block above (a softmax, a regression). It
runs the layers segment by segment:

    recurrent.draw(drop), recurrent.pack(), recurrent.prepare()    once for a window
    recurrent.forward(segment, inputs)                             for each segment, from first to last
    recurrent.outputs(segment)                                     when the block above needs them
    recurrent.backward(segment, doutputs, inputs)                  for each, from last to first; then finish()

Sequences may start from any states (`states`) and have individual lengths (`set_lengths`). A sequence that has ended
keeps its states, which are then its outputs. `final_states` returns the states after the last step. `prepare` takes
their gradient; `dinitial` returns the gradient of the first states.

States and gates are stored for the whole window, inputs for one segment at a time. With `recompute`, only the states
before each segment are stored, and the network repeats the forward pass of a segment before its backward pass (Chen et
al. 2016, arXiv:1604.06174). The segments are the same in both modes, and the results are bit-identical.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.engine.backend import CELLS, StateGradients, Steps
from lstmtui.engine.nn.layer_buffers import Activations, LayerBuffers, LayerSize, Spans, longest_span
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Dropout:
    """Dropout rates of one step, and the key of its random masks."""

    inputs: float = 0.0
    layers: float = 0.0
    """Between the layers, and on the outputs of the last."""
    weights: float = 0.0
    key: int = 0
    tokens: float = 0.0
    """Of whole tokens at the embedding: all occurrences of a token in a window, or none."""

    def of_inputs(self, k: int) -> float:
        """Return the dropout on the inputs of layer k."""
        return self.inputs if k == 0 else self.layers


@dataclass(frozen=True, slots=True)
class Penalty:
    """Penalties on the outputs of the top layer, added to the loss: see `lstm_kernels.cpu.penalty`."""

    activation: float = 0.0
    """AR: on large outputs."""
    temporal: float = 0.0
    """TAR: on changes of the outputs from step to step."""


NO_DROPOUT = Dropout()
NO_PENALTY = Penalty()


def layer_names(weights: Arena, prefix: str) -> list[str]:
    """Return the names PREFIX.0, PREFIX.1 and so on of the layers in `weights`."""
    names: list[str] = []
    while f"{prefix}.{len(names)}.W_ih" in weights.views:
        names.append(f"{prefix}.{len(names)}")
    return names


class Recurrent:
    """Stacked recurrent layers over shared weights: W_ih, W_hh, b and unit of each."""

    def __init__(
        self,
        cell: str,
        weights: Arena,
        spans: Spans,
        B: int,
        *,
        compute: Compute,
        gradients: Arena | None = None,
        recompute: bool = False,
        names: Sequence[str] | None = None,
    ) -> None:
        """Allocate the buffers. Raises MemoryError if they do not fit the memory.

        spans      the segments of a window
        gradients  the arena for the gradients of the weights; None for a model that only reads
        names      the layers' names in `weights`, the lowest first; None for all of layers.0, layers.1 and so on
        """
        self.cell, self.weights, self.gradients, self.segments, self.B = CELLS[cell], weights, gradients, spans, B
        self.precision, self.threads, self.device = compute.precision, compute.threads, weights.device
        self.recurrence = self.device.recurrence.compiled(cell)
        self.recomputes = recompute and len(spans) > 1
        self._names = list(names) if names is not None else layer_names(weights, "layers")
        dtype, backward = weights.flat.dtype, gradients is not None
        stored = longest_span(spans) if self.recomputes else spans[-1][1]
        self.layers = [
            LayerBuffers(
                self.cell, LayerSize(D, GH // len(self.cell.gates), B, spans, stored),
                dtype=dtype, precision=compute.precision, backward=backward, device=self.device,
            )
            for GH, D in (weights[f"{name}.W_ih"].shape for name in self._names)
        ]  # fmt: skip
        self._lengths = [self.device.arrays.zeros(B, np.int32) for _ in spans]
        self.set_lengths(None)
        self._drop, self._penalties = NO_DROPOUT, NO_PENALTY
        D, H = self.layers[0].inputs.shape[2], self.layers[-1].h.shape[2]
        if backward:
            zeros = self.device.arrays.zeros
            self._dropped = zeros((longest_span(spans), B, H), dtype)
            self._mask = zeros((B, H), dtype)
            self._dbefore = zeros((B, H), dtype)
            self._squares = [self.device.penalty.square_sums(compute.threads) for _ in range(2)]
            """Sums of squares of the outputs, and of their changes from step to step."""
            self._dinputs = zeros(longest_span(spans) * B * max(D, H), dtype)

    # --- weights and states ---------------------------------------------------------------------------------------

    def pack(self) -> None:
        """Pack the present weights, W_hh after its dropout."""
        for k, (layer, name) in enumerate(zip(self.layers, self._names, strict=True)):
            layer.W_ih.pack_transposed(self.weights[f"{name}.W_ih"], self.threads)
            layer.W_hh.pack_transposed(self._recurrent(k), self.threads)

    def _recurrent(self, k: int) -> Array:
        """Return W_hh of layer k, after its dropout."""
        return self.layers[k].dropped_W_hh if self._drop.weights > 0 else self.weights[f"{self._names[k]}.W_hh"]

    def reset(self) -> None:
        """Set the states before the next window to 0."""
        for layer in self.layers:
            for state in layer.states[0]:
                self.device.arrays.fill(state, 0)

    def carry(self) -> None:
        """Start the next window from the states at the end of this one."""
        for layer in self.layers:
            for first, last in zip(layer.states[0], layer.states[-1], strict=True):
                self.device.arrays.copy(last, first)

    def states(self) -> dict[str, Array]:
        """Return the initial states by name, as views on the device: L.h (B, H) and L.c (B, MH)."""
        return self._named([layer.states[0] for layer in self.layers])

    def final_states(self) -> dict[str, Array]:
        """Return the states after the last step of each sequence, likewise."""
        return self._named([layer.states[-1] for layer in self.layers])

    def dinitial(self) -> dict[str, Array]:
        """Return the gradients of `states` after the backward pass of the whole window, likewise."""
        return self._named([(layer.dh, layer.dc) for layer in self.layers])

    def _named(self, states: Sequence[tuple[Array, Array]]) -> dict[str, Array]:
        named = {}
        for k, (h, c) in enumerate(states):
            named[f"{k}.h"] = h
            if self.cell.memories:
                named[f"{k}.c"] = c
        return named

    def set_lengths(self, lengths: Array | None) -> None:
        """Set the number of steps (B,) of each sequence, on the host; None for the whole window."""
        T = self.segments[-1][1]
        lengths = np.full(self.B, T) if lengths is None else lengths
        for (start, end), of_segment in zip(self.segments, self._lengths, strict=True):
            self.device.arrays.copy_to_device(np.clip(lengths - start, 0, end - start).astype(np.int32), of_segment)

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self.layers)

    def first_packed(self) -> Any:
        """Return W_ih of the first layer, packed, for a model that computes its products itself."""
        return self.layers[0].W_ih

    # --- observe ----------------------------------------------------------------------------------------------------

    def activations(self, k: int) -> Activations:
        """Return the stored activations of layer k: of the whole window, or of the last segment with `recompute`."""
        layer, (start, end) = self.layers[k], self.segments[-1] if self.recomputes else (0, self.segments[-1][1])
        return layer.steps(start, end)

    def gates(self) -> list[Array]:
        """Return each layer's gates after their nonlinearity, (steps, B, G, H), on the host."""
        G, host = len(self.cell.gates), self.device.arrays.to_host
        layers = (self.activations(k) for k in range(self.depth))
        return [host(layer.gates).reshape(-1, self.B, G, layer.h.shape[2]) for layer in layers]

    def values(self, k: int) -> dict[str, Array]:
        """Return the gates and states of layer k after each stored step by name, (steps, B, H), on the host."""
        stored, host, cell = self.activations(k), self.device.arrays.to_host, self.cell
        gates, h, c = host(stored.gates), host(stored.h)[1:], host(stored.c)[1:]
        H = h.shape[2]
        values = {name: gates[:, :, at * H : (at + 1) * H] for at, name in enumerate(cell.gate_names)}
        values |= {memory.name: c[:, :, at * H : (at + 1) * H] for at, memory in enumerate(cell.memories)}
        return values | {"h": h}

    # --- forward --------------------------------------------------------------------------------------------------

    def draw(self, drop: Dropout, penalties: Penalty = NO_PENALTY) -> None:
        """Draw the dropout masks of a window."""
        self._drop, self._penalties = drop, penalties
        dropout = self.device.dropout
        for k, (layer, name) in enumerate(zip(self.layers, self._names, strict=True)):
            if rate := drop.of_inputs(k):
                dropout.locked_mask(layer.mask_in, rate, mask_key(drop.key, 2 * k))
            if drop.weights > 0:
                W_hh, to, key = self.weights[f"{name}.W_hh"], layer.dropped_W_hh, mask_key(drop.key, 2 * k + 1)
                dropout.drop_weights(W_hh.reshape(W_hh.size), to.reshape(to.size), drop.weights, key, self.threads)
        if drop.layers > 0:
            dropout.locked_mask(self._mask, drop.layers, mask_key(drop.key, 2 * len(self.layers)))

    def prepare(self, dfinal: Mapping[str, Array] | None = None) -> None:
        """Begin a window. `dfinal` holds the gradients of `final_states` under their names; None for zeros."""
        if self.gradients is None:
            return
        fill = self.device.arrays.fill
        for layer, name in zip(self.layers, self._names, strict=True):
            for total in (layer.dh, layer.dc, self.gradients[f"{name}.unit"]):
                fill(total, 0)
        for sums in self._squares:
            fill(sums, 0)
        if dfinal is not None:
            for name, total in self.dinitial().items():
                self.device.arrays.copy(dfinal[name], total)

    def inputs(self, segment: int) -> Array:
        """Return a buffer (steps, B, D) for the inputs of a segment."""
        start, end = self.segments[segment]
        return self.layers[0].inputs[: end - start]

    def products(self, segment: int) -> Array:
        """Return W_ih x + b of the first layer (steps, B, GH) in a segment; after backward its gradient."""
        return self.layers[0].steps(*self.segments[segment]).gates

    def forward(self, segment: int, inputs: Array | None) -> None:
        """Run all layers forward over a segment, from the state before it.

        inputs    (steps, B, D)  None if `products` is already filled; dropout overwrites them if they are in the
                                 buffer that `inputs` returned
        """
        start, end = self.segments[segment]
        for k, (layer, name) in enumerate(zip(self.layers, self._names, strict=True)):
            layer.load_state(segment)
            gates, extra, h, c = layer.steps(start, end)
            below = inputs if k == 0 else self.layers[k - 1].steps(start, end).h[1:]
            if below is not None:
                read, flat = self._inputs(k, below), gates.reshape((end - start) * self.B, -1)
                self.device.linear.forward(
                    read.reshape(len(flat), -1), layer.W_ih, self.weights[f"{name}.b"], flat, self.threads
                )  # fmt: skip
            steps = Steps(gates, h, c, extra, self._lengths[segment], layer.scratch)
            self.recurrence.forward(steps, layer.W_hh, self.weights[f"{name}.unit"], self.threads)
            layer.store_state(segment, end - start)

    def _inputs(self, k: int, below: Array) -> Array:
        """Return the inputs of layer k (steps, B, D) after dropout."""
        if self._drop.of_inputs(k) == 0:
            return below
        layer = self.layers[k]
        dropped = layer.inputs[: len(below)]
        dropped = below if self.device.arrays.overlap(below, dropped) else dropped  # in place needs one array for both
        self.device.dropout.apply(below, layer.mask_in, dropped, self.threads)
        return dropped

    def outputs(self, segment: int) -> Array:
        """Return the outputs of the top layer (steps, B, H) in a segment after dropout, valid until the next call."""
        start, end = self.segments[segment]
        top = self.layers[-1].steps(start, end).h[1:]
        if self._drop.layers == 0:
            return top
        dropped = self._dropped[: end - start]
        self.device.dropout.apply(top, self._mask, dropped, self.threads)
        return dropped

    # --- backward -------------------------------------------------------------------------------------------------

    def backward(self, segment: int, doutputs: Array, inputs: Array | None) -> Array:
        """Add a segment's gradients to those of the weights, and return the gradient of its inputs.

        doutputs  (steps, B, H)  dL/d(outputs); overwritten
        inputs    (steps, B, D)  as for `forward`; with None, the gradient of `products` is returned and W_ih and b of
                                 the first layer get none

        The returned gradient is valid until the next call. The last segment comes first and overwrites the gradients
        of the weights.
        """
        start, end = self.segments[segment]
        if self._penalties.activation > 0:
            self._penalise_outputs(segment, doutputs)
        if self._drop.layers > 0:
            self.device.dropout.apply(doutputs, self._mask, doutputs, self.threads)
        if self._penalties.temporal > 0:
            self._penalise_changes(start, end, doutputs)
        above = doutputs
        for k in range(len(self.layers) - 1, -1, -1):
            self._backward_recurrence(k, segment, above)
            if k == len(self.layers) - 1 and self._penalties.temporal > 0:
                self.device.arrays.add(self.layers[k].dh, self._dbefore)
            below = inputs if k == 0 else self.layers[k - 1].steps(start, end).h[1:]
            above = self.products(segment) if below is None else self._backward_inputs(k, segment, below)
        return above

    def _slopes(self) -> tuple[float, float]:
        """Return twice the factor of each penalty per square: of outputs, and of their changes."""
        T, size = self.segments[-1][1], self.B * self.layers[-1].h.shape[2]
        return 2 * self._penalties.activation / (T * size), 2 * self._penalties.temporal / (max(1, T - 1) * size)

    @property
    def penalised(self) -> float:
        """The sum of the penalties on the window."""
        squares = (float(self.device.arrays.to_host(sums).sum()) for sums in self._squares)
        return sum(slope / 2 * square for slope, square in zip(self._slopes(), squares, strict=True))

    def _penalise_outputs(self, segment: int, doutputs: Array) -> None:
        """Add the gradient of AR, with respect to the outputs after dropout."""
        outputs, (slope, _) = self.outputs(segment), self._slopes()
        self.device.penalty.activation(
            outputs.reshape(outputs.size), doutputs.reshape(doutputs.size), slope, self._squares[0], self.threads
        )  # fmt: skip

    def _penalise_changes(self, start: int, end: int, dh: Array) -> None:
        """Add the gradient of TAR, with respect to the top layer's states; `_dbefore` gets that of the state before.

        Differences within the window count, also those from one segment to the next.
        """
        h, (_, slope) = self.layers[-1].steps(start, end).h, self._slopes()
        self.device.arrays.fill(self._dbefore, 0)
        self.device.penalty.temporal(h, dh, self._dbefore, slope, start > 0, self._squares[1], self.threads)

    def _adds(self, segment: int) -> bool:
        """Return whether a segment's gradients add to those of the later segments; the last segment comes first."""
        return segment < len(self.segments) - 1

    def _backward_recurrence(self, k: int, segment: int, above: Array) -> None:
        """Run layer k backward, given dL/dh of its outputs (steps, B, H), and add the gradients of W_hh and unit."""
        assert self.gradients is not None
        start, end = self.segments[segment]
        w, g, threads, layer, name = self.weights, self.gradients, self.threads, self.layers[k], self._names[k]
        gates, extra, h, c = layer.steps(start, end)
        steps = Steps(gates, h, c, extra, self._lengths[segment], layer.scratch)
        unit, dunit, dstates = w[f"{name}.unit"], g[f"{name}.unit"], StateGradients(layer.dh, layer.dc)
        self.recurrence.backward(above, steps, self._recurrent(k), unit, dstates, dunit, self.precision, threads)
        N, linear, add = (end - start) * self.B, self.device.linear, self._adds(segment)
        before, dW_hh = h[:-1].reshape(N, -1), g[f"{name}.W_hh"]
        H = before.shape[1]
        for product in self.cell.products:
            da = (extra if product.own else gates).reshape(N, -1)
            columns, rows = (slice(n * H, (n + product.count) * H) for n in (product.first, product.row))
            linear.backward_weights(da[:, columns], before, dW_hh[rows], None, self.precision, threads, add=add)

    def _backward_inputs(self, k: int, segment: int, below: Array) -> Array:
        """Add the gradients of W_ih and b of layer k, and return the gradient of its inputs (steps, B, D)."""
        assert self.gradients is not None
        w, g, threads, layer, name = self.weights, self.gradients, self.threads, self.layers[k], self._names[k]
        start, end = self.segments[segment]
        N, linear = (end - start) * self.B, self.device.linear
        read, da = self._inputs(k, below), layer.steps(start, end).gates.reshape(N, -1)
        D = read.shape[2]
        linear.backward_weights(
            da, read.reshape(N, D), g[f"{name}.W_ih"], g[f"{name}.b"], self.precision, threads, add=self._adds(segment)
        )
        dinputs = self._dinputs[: N * D].reshape(end - start, self.B, D)
        linear.backward_input(da, w[f"{name}.W_ih"], dinputs.reshape(N, D), self.precision, threads)
        if self._drop.of_inputs(k) > 0:
            self.device.dropout.apply(dinputs, layer.mask_in, dinputs, threads)
        return dinputs

    def finish(self) -> None:
        """Complete the gradients of the weights after the last backward segment."""
        if self._drop.weights > 0:
            assert self.gradients is not None
            for k, name in enumerate(self._names):
                dW_hh = self.gradients[f"{name}.W_hh"]
                self.device.dropout.drop_weights_backward(
                    dW_hh.reshape(dW_hh.size), self._drop.weights, mask_key(self._drop.key, 2 * k + 1), self.threads
                )  # fmt: skip


def mask_key(step_key: int, place: int) -> int:
    """Return the key of mask number `place` (below 256) of a step; the kernels hash it.

    The first 64 keys of a step are consecutive. The other keys, of networks with more than 31 layers, use the two
    highest bits, which the step number never reaches.
    """
    return ((step_key * 64 + place % 64) ^ (place // 64 << 62)) & 0xFFFF_FFFF_FFFF_FFFF
