"""The recurrent layers: inputs (T, B, D) to outputs (T, B, H), forward and backward over one window, states carried.

    inputs > [dropout] > layer 0 > [dropout] > layer 1 > ... > [dropout] > outputs

What stands below (an embedding, numbers as they are) and above (a softmax, a regression) is the network's own, and
drives the layers segment by segment:

    layers.draw(drop), layers.pack(), layers.prepare()    once a window
    layers.forward(segment, inputs)                       for each segment, from the first to the last
    layers.outputs(segment)                               whenever what is above wants them
    layers.backward(segment, doutputs, inputs)            for each, from the last to the first; then layers.finish()

Sequences may begin in any states (`states`) and have lengths of their own (`set_lengths`): one that has ended keeps
its states, which are then its outputs. `final_states` has the states in which they end. The gradient of those goes into
`prepare`, and that of the first states comes out as `dinitial`.

Only states and gates are kept of a whole window, inputs of one segment at a time. With `recompute` gates are too: only
the states in which segments begin are kept, and the network walks each segment forward again before it walks it back
(Chen et al. 2016, arXiv:1604.06174). Segments are the same either way, and so is every bit of the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.backend import CELLS, CPU, Cell, Device, StateGradients, Steps
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]
Spans = list[tuple[int, int]]
"""The first step of each segment of a window, and the one after its last."""


class Activations(NamedTuple):
    """What a layer keeps of each step; the states have one step more, the one it began in."""

    gates: Array
    """(steps, B, GH)"""
    extra: Array
    """(steps, B, XH)"""
    h: Array
    """(steps + 1, B, H)"""
    c: Array
    """(steps + 1, B, MH)"""


@dataclass(frozen=True, slots=True)
class Dropout:
    """Rates of one step, and the key its random masks follow from."""

    inputs: float = 0.0
    layers: float = 0.0
    """Between the layers, and on the outputs of the last."""
    weights: float = 0.0
    key: int = 0
    tokens: float = 0.0
    """Of whole tokens, where an embedding stands below: all occurrences of one in a window, or none."""

    def of_inputs(self, k: int) -> float:
        """Return the dropout on the inputs of layer k."""
        return self.inputs if k == 0 else self.layers


@dataclass(frozen=True, slots=True)
class Penalty:
    """What is added to the loss for what the top layer says: see `lstm_kernels.cpu.penalty`."""

    activation: float = 0.0
    """AR: for large outputs."""
    temporal: float = 0.0
    """TAR: for outputs that change from step to step."""


NO_DROPOUT = Dropout()
NO_PENALTY = Penalty()


def layer_names(weights: Arena, prefix: str) -> list[str]:
    """Return the names PREFIX.0, PREFIX.1 and so on of the layers in `weights`."""
    found: list[str] = []
    while f"{prefix}.{len(found)}.W_ih" in weights.views:
        found.append(f"{prefix}.{len(found)}")
    return found


def longest_span(spans: Spans) -> int:
    """Return the steps of the longest segment."""
    return max(end - start for start, end in spans)


class Layer:
    """Buffers of one recurrent layer for `kept` steps of B sequences; `backward` adds what only training needs."""

    def __init__(
        self,
        cell: Cell,
        D: int,
        H: int,
        kept: int,
        spans: Spans,
        B: int,
        dtype: Any,
        precision: str,
        *,
        backward: bool,
        device: Device = CPU,
    ) -> None:
        G, C, X = len(cell.gates), len(cell.memories) * H, cell.extra_blocks * H
        self._copy, zeros, packed = device.arrays.copy, device.arrays.zeros, device.Packed
        self.gates = zeros((kept, B, G * H), dtype)
        """W_ih x + b, then the gates after their nonlinearity, and after backward the gradient of the first."""
        self.extra = zeros((kept, B, X), dtype)
        """As `gates`, for what the cell saves beyond them, and after backward the gradients of `own_gates`."""
        self.h = zeros((kept + 1, B, H), dtype)
        self.c = zeros((kept + 1, B, C), dtype)
        """The cell's other states, side by side."""
        self.scratch = zeros((B, cell.scratch_blocks * H), dtype)
        self.inputs = zeros((longest_span(spans), B, D), dtype)
        """Of one segment, where they are not the outputs of the layer below; dW_ih needs them."""
        ends = [0, *(end for _, end in spans)]
        self._whole = kept == ends[-1]
        # h and c in which each segment begins, and those in which the window ends.
        if self._whole:
            self.states = [(self.h[at], self.c[at]) for at in ends]
        else:
            self.states = [(zeros((B, H), dtype), zeros((B, C), dtype)) for _ in ends]
        self.W_ih = packed(D, G * H, precision)
        R = len(cell.recurrent_gates)
        self.W_hh = device.recurrence.PackedGates(H, R, precision)
        if backward:
            self.dh = zeros((B, H), dtype)
            self.dc = zeros((B, C), dtype)
            self.mask_in = zeros((B, D), dtype)
            self.dropped_W_hh = zeros((R * H, H), dtype)

    def steps(self, start: int, end: int) -> tuple[Array, Array, Array, Array]:
        """Return gates, extra, h and c of a segment; h and c have one step more, the state it begins in."""
        if not self._whole:
            start, end = 0, end - start
        return self.gates[start:end], self.extra[start:end], self.h[start : end + 1], self.c[start : end + 1]

    def begin(self, segment: int) -> None:
        """Put the state that a segment begins in where `steps` has it."""
        if not self._whole:
            for state, to in zip(self.states[segment], (self.h[0], self.c[0]), strict=True):
                self._copy(state, to)

    def end(self, segment: int, length: int) -> None:
        """Keep the state that a segment of so many steps has ended in."""
        if not self._whole:
            for kept, state in zip(self.states[segment + 1], (self.h[length], self.c[length]), strict=True):
                self._copy(state, kept)


class Recurrent:
    """Layers above each other, over shared weights: of each W_ih, W_hh, b and unit."""

    def __init__(
        self,
        cell: str,
        weights: Arena,
        spans: Spans,
        B: int,
        *,
        precision: str,
        threads: int,
        gradients: Arena | None = None,
        recompute: bool = False,
        names: Sequence[str] | None = None,
    ) -> None:
        """`spans` are the segments of a window; `gradients` is where those of the weights go, None to read only.

        names    of the layers in `weights`, the lowest first; None for all that are called layers.0, layers.1 and so on

        Raises MemoryError where the buffers do not fit.
        """
        self.cell, self.weights, self.gradients, self.segments, self.B = CELLS[cell], weights, gradients, spans, B
        self.precision, self.threads, self.device = precision, threads, weights.device
        self.recurrence = self.device.recurrence.compiled(cell)
        self.recomputes = recompute and len(spans) > 1
        self._names = list(names) if names is not None else layer_names(weights, "layers")
        dtype, backward = weights.flat.dtype, gradients is not None
        kept = longest_span(spans) if self.recomputes else spans[-1][1]
        self.layers = [
            Layer(
                self.cell,
                D,
                GH // len(self.cell.gates),
                kept,
                spans,
                B,
                dtype,
                precision,
                backward=backward,
                device=self.device,
            )
            for GH, D in (weights[f"{at}.W_ih"].shape for at in self._names)
        ]
        self._lengths = [self.device.arrays.zeros(B, np.int32) for _ in spans]
        self.set_lengths(None)
        self._drop, self._penalties = NO_DROPOUT, NO_PENALTY
        D, H = self.layers[0].inputs.shape[2], self.layers[-1].h.shape[2]
        if backward:
            zeros = self.device.arrays.zeros
            self._dropped = zeros((longest_span(spans), B, H), dtype)
            self._mask = zeros((B, H), dtype)
            self._dbefore = zeros((B, H), dtype)
            self._squares = [self.device.penalty.square_sums(threads) for _ in range(2)]
            """Of the outputs, and of their changes from step to step."""
            self._dinputs = zeros(longest_span(spans) * B * max(D, H), dtype)

    # --- weights and states ---------------------------------------------------------------------------------------

    def pack(self) -> None:
        """Take the weights as they are now, or what dropout has left of them."""
        for k, (layer, at) in enumerate(zip(self.layers, self._names, strict=True)):
            layer.W_ih.pack_transposed(self.weights[f"{at}.W_ih"], self.threads)
            layer.W_hh.pack_transposed(self._recurrent(k), self.threads)

    def _recurrent(self, k: int) -> Array:
        """Return W_hh of layer k, or what dropout has left of it."""
        return self.layers[k].dropped_W_hh if self._drop.weights > 0 else self.weights[f"{self._names[k]}.W_hh"]

    def reset(self) -> None:
        """Forget everything read so far."""
        for layer in self.layers:
            for state in layer.states[0]:
                self.device.arrays.fill(state, 0)

    def carry(self) -> None:
        """Start the next window from the states at the end of this one."""
        for layer in self.layers:
            for first, last in zip(layer.states[0], layer.states[-1], strict=True):
                self.device.arrays.copy(last, first)

    def states(self) -> dict[str, Array]:
        """Return the states that sequences begin in by name, on the device, as views: L.h (B, H) and L.c (B, MH)."""
        return self._named([layer.states[0] for layer in self.layers])

    def final_states(self) -> dict[str, Array]:
        """Return the states that sequences have ended in, likewise."""
        return self._named([layer.states[-1] for layer in self.layers])

    def dinitial(self) -> dict[str, Array]:
        """Return the gradients of `states` after the whole window has gone back, likewise."""
        return self._named([(layer.dh, layer.dc) for layer in self.layers])

    def _named(self, states: Sequence[tuple[Array, Array]]) -> dict[str, Array]:
        found = {}
        for k, (h, c) in enumerate(states):
            found[f"{k}.h"] = h
            if self.cell.memories:
                found[f"{k}.c"] = c
        return found

    def set_lengths(self, lengths: Array | None) -> None:
        """Take the steps (B,) of each sequence from now on; None for all of the window. They come from the host."""
        T = self.segments[-1][1]
        lengths = np.full(self.B, T) if lengths is None else lengths
        for (start, end), of_segment in zip(self.segments, self._lengths, strict=True):
            self.device.arrays.copy_to_device(np.clip(lengths - start, 0, end - start).astype(np.int32), of_segment)

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    def first_packed(self) -> Any:
        """Return W_ih of the first layer, packed, for a network that makes the products itself."""
        return self.layers[0].W_ih

    # --- looking ----------------------------------------------------------------------------------------------------

    def activations(self, k: int) -> Activations:
        """Return what layer k has kept of the steps it walked last: of the whole window, or of a segment where it
        recomputes."""
        layer, (start, end) = self.layers[k], self.segments[-1] if self.recomputes else (0, self.segments[-1][1])
        return Activations(*layer.steps(start, end))

    def gates(self) -> list[Array]:
        """Return each layer's gates after their nonlinearity, (steps, B, G, H), on the host, as it walked last."""
        G, host = len(self.cell.gates), self.device.arrays.to_host
        kept = (self.activations(k) for k in range(self.depth))
        return [host(layer.gates).reshape(-1, self.B, G, layer.h.shape[2]) for layer in kept]

    def values(self, k: int) -> dict[str, Array]:
        """Return every gate and state of layer k after each of these steps by name, (steps, B, H), on the host."""
        kept, host, cell = self.activations(k), self.device.arrays.to_host, self.cell
        gates, h, c = host(kept.gates), host(kept.h)[1:], host(kept.c)[1:]
        H = h.shape[2]
        found = {name: gates[:, :, at * H : (at + 1) * H] for at, name in enumerate(cell.gate_names)}
        found |= {memory.name: c[:, :, at * H : (at + 1) * H] for at, memory in enumerate(cell.memories)}
        return found | {"h": h}

    # --- forward --------------------------------------------------------------------------------------------------

    def draw(self, drop: Dropout, penalties: Penalty = NO_PENALTY) -> None:
        """Draw what dropout leaves of a window."""
        self._drop, self._penalties = drop, penalties
        dropout = self.device.dropout
        for k, (layer, at) in enumerate(zip(self.layers, self._names, strict=True)):
            if rate := drop.of_inputs(k):
                dropout.locked_mask(layer.mask_in, rate, mask_key(drop.key, 2 * k))
            if drop.weights > 0:
                W_hh, to, key = self.weights[f"{at}.W_hh"], layer.dropped_W_hh, mask_key(drop.key, 2 * k + 1)
                dropout.drop_weights(W_hh.reshape(W_hh.size), to.reshape(to.size), drop.weights, key, self.threads)
        if drop.layers > 0:
            dropout.locked_mask(self._mask, drop.layers, mask_key(drop.key, 2 * len(self.layers)))

    def prepare(self, dfinal: Mapping[str, Array] | None = None) -> None:
        """Begin a window. `dfinal` are the gradients of `final_states`, named like them; none flow in without."""
        if self.gradients is None:
            return
        fill = self.device.arrays.fill
        for layer, at in zip(self.layers, self._names, strict=True):
            for total in (layer.dh, layer.dc, self.gradients[f"{at}.unit"]):
                fill(total, 0)
        for sums in self._squares:
            fill(sums, 0)
        if dfinal is not None:
            for name, total in self.dinitial().items():
                self.device.arrays.copy(dfinal[name], total)

    def inputs(self, segment: int) -> Array:
        """Return a buffer (steps, B, D) that the inputs of a segment may be made in."""
        start, end = self.segments[segment]
        return self.layers[0].inputs[: end - start]

    def products(self, segment: int) -> Array:
        """Return where the first layer has W_ih x + b (steps, B, GH) of a segment; after backward their gradient."""
        return self.layers[0].steps(*self.segments[segment])[0]

    def forward(self, segment: int, inputs: Array | None) -> None:
        """Walk all layers over a segment, from the state it begins in.

        inputs    (steps, B, D)  None where `products` has what would be made of them already; overwritten by dropout
                                 where they lie in the stack's own buffer
        """
        start, end = self.segments[segment]
        for k, (layer, at) in enumerate(zip(self.layers, self._names, strict=True)):
            layer.begin(segment)
            gates, extra, h, c = layer.steps(start, end)
            below = inputs if k == 0 else self.layers[k - 1].steps(start, end)[2][1:]
            if below is not None:
                read, flat = self._inputs(k, below), gates.reshape((end - start) * self.B, -1)
                self.device.linear.forward(
                    read.reshape(len(flat), -1), layer.W_ih, self.weights[f"{at}.b"], flat, self.threads
                )  # fmt: skip
            unit = self.weights[f"{at}.unit"]
            steps = Steps(gates, h, c, extra, self._lengths[segment], layer.scratch)
            self.recurrence.forward(steps, layer.W_hh, unit, self.threads)
            layer.end(segment, end - start)

    def _inputs(self, k: int, below: Array) -> Array:
        """Return what layer k reads (steps, B, D): what is below it, with its mask."""
        if self._drop.of_inputs(k) == 0:
            return below
        layer = self.layers[k]
        made = layer.inputs[: len(below)]
        made = below if self.device.arrays.overlap(below, made) else made  # the kernel must see that it works in place
        self.device.dropout.apply(below, layer.mask_in, made, self.threads)
        return made

    def outputs(self, segment: int) -> Array:
        """Return what comes out on top (steps, B, H) of a segment, valid until the next call."""
        start, end = self.segments[segment]
        top = self.layers[-1].steps(start, end)[2][1:]
        if self._drop.layers == 0:
            return top
        dropped = self._dropped[: end - start]
        self.device.dropout.apply(top, self._mask, dropped, self.threads)
        return dropped

    # --- backward -------------------------------------------------------------------------------------------------

    def backward(self, segment: int, doutputs: Array, inputs: Array | None) -> Array:
        """Add a segment's gradients to those of the weights, and return that of its inputs, valid until the next call.
        The last segment's come first, and take the place of what was there.

        doutputs  (steps, B, H)  dL/d(outputs); overwritten
        inputs    (steps, B, D)  as for `forward`; with None the gradient is that of `products`, which stands there,
                                 and W_ih and b of the first layer get none
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
            below = inputs if k == 0 else self.layers[k - 1].steps(start, end)[2][1:]
            above = self.products(segment) if below is None else self._backward_inputs(k, segment, below)
        return above

    def _slopes(self) -> tuple[float, float]:
        """Return twice what the penalties have for each square: of outputs, and of their changes."""
        T, size = self.segments[-1][1], self.B * self.layers[-1].h.shape[2]
        return 2 * self._penalties.activation / (T * size), 2 * self._penalties.temporal / (max(1, T - 1) * size)

    @property
    def penalised(self) -> float:
        """What the penalties have added to the loss of the window."""
        squares = (float(self.device.arrays.to_host(sums).sum()) for sums in self._squares)
        return sum(slope / 2 * found for slope, found in zip(self._slopes(), squares, strict=True))

    def _penalise_outputs(self, segment: int, doutputs: Array) -> None:
        """Add the gradient of AR, with respect to the outputs after dropout."""
        outputs, (slope, _) = self.outputs(segment), self._slopes()
        self.device.penalty.activation(
            outputs.reshape(outputs.size), doutputs.reshape(doutputs.size), slope, self._squares[0], self.threads
        )  # fmt: skip

    def _penalise_changes(self, start: int, end: int, dh: Array) -> None:
        """Add the gradient of TAR, with respect to the top layer's states; that of the state before goes to _dbefore.

        Differences within the window count, also those from one segment to the next.
        """
        h, (_, slope) = self.layers[-1].steps(start, end)[2], self._slopes()
        self.device.arrays.fill(self._dbefore, 0)
        self.device.penalty.temporal(h, dh, self._dbefore, slope, start > 0, self._squares[1], self.threads)

    def _adds(self, segment: int) -> bool:
        """Return whether a segment's gradients are added to those of others: the last segment's come first."""
        return segment < len(self.segments) - 1

    def _backward_recurrence(self, k: int, segment: int, above: Array) -> None:
        """Walk layer k back, given dL/dh of its outputs (steps, B, H), and add the gradients of what is recurrent."""
        assert self.gradients is not None
        start, end = self.segments[segment]
        w, g, threads, layer, at = self.weights, self.gradients, self.threads, self.layers[k], self._names[k]
        gates, extra, h, c = layer.steps(start, end)
        steps = Steps(gates, h, c, extra, self._lengths[segment], layer.scratch)
        unit, dunit, dstates = w[f"{at}.unit"], g[f"{at}.unit"], StateGradients(layer.dh, layer.dc)
        self.recurrence.backward(above, steps, self._recurrent(k), unit, dstates, dunit, self.precision, threads)
        N, linear, add = (end - start) * self.B, self.device.linear, self._adds(segment)
        before, dW_hh = h[:-1].reshape(N, -1), g[f"{at}.W_hh"]
        H = before.shape[1]
        for product in self.cell.products:
            da = (extra if product.own else gates).reshape(N, -1)
            columns, rows = (slice(n * H, (n + product.count) * H) for n in (product.first, product.row))
            linear.backward_weights(da[:, columns], before, dW_hh[rows], None, self.precision, threads, add=add)

    def _backward_inputs(self, k: int, segment: int, below: Array) -> Array:
        """Add the gradients of W_ih and b of layer k, and return that of its inputs (steps, B, D)."""
        assert self.gradients is not None
        w, g, threads, layer, at = self.weights, self.gradients, self.threads, self.layers[k], self._names[k]
        start, end = self.segments[segment]
        N, linear = (end - start) * self.B, self.device.linear
        read, da = self._inputs(k, below), layer.steps(start, end)[0].reshape(N, -1)
        D = read.shape[2]
        linear.backward_weights(
            da, read.reshape(N, D), g[f"{at}.W_ih"], g[f"{at}.b"], self.precision, threads, add=self._adds(segment)
        )
        dinputs = self._dinputs[: N * D].reshape(end - start, self.B, D)
        linear.backward_input(da, w[f"{at}.W_ih"], dinputs.reshape(N, D), self.precision, threads)
        if self._drop.of_inputs(k) > 0:
            self.device.dropout.apply(dinputs, layer.mask_in, dinputs, threads)
        return dinputs

    def finish(self) -> None:
        """Turn what all segments have added up into gradients of the weights."""
        if self._drop.weights > 0:
            assert self.gradients is not None
            for k, at in enumerate(self._names):
                dW_hh = self.gradients[f"{at}.W_hh"]
                self.device.dropout.drop_weights_backward(
                    dW_hh.reshape(dW_hh.size), self._drop.weights, mask_key(self._drop.key, 2 * k + 1), self.threads
                )  # fmt: skip


def mask_key(step_key: int, place: int) -> int:
    """Return the key of mask number `place` (below 256) of a step; the kernels hash it.

    The first 64 masks of a step lie side by side. The others, of a network of more than 31 layers, lie far away, where
    no other step of the run has any: two bits more go to the top, which a step never reaches.
    """
    return ((step_key * 64 + place % 64) ^ (place // 64 << 62)) & 0xFFFF_FFFF_FFFF_FFFF
