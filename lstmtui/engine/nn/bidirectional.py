"""Bidirectional recurrent layers: inputs (T, B, D) to outputs (T, B, 2H).

    inputs > [forward, backward over the reversed sequence] side by side > next layer > ... > outputs

Each layer reads the outputs of both directions of the layer below (Schuster and Paliwal 1997; Graves, Jaitly and
Mohamed 2013). Each sequence has its own length: the backward direction starts at its end, and the outputs after its end
are 0. The layers process a window as a whole, so they suit separate sequences, not a stream of text.

On two threads of a processor each direction of a layer is computed by one of them, so they wait for each other once a
layer instead of once a kernel, and a product has all sequences of the batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena, Parameter, layer_parameters
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout, Recurrent

Array = np.ndarray[Any, Any]

DIRECTIONS = ("forward", "backward")


def parameters(prefix: str, s: RunSettings, layers: int, D: int) -> list[Parameter]:
    """Return the parameters of `layers` layers with D inputs: PREFIX.L.forward.W_ih and so on."""
    H = s.network.hidden
    return [
        parameter
        for k in range(layers)
        for direction in DIRECTIONS
        for parameter in layer_parameters(f"{prefix}.{k}.{direction}", s, 2 * H if k else D)
    ]


class Bidirectional:
    """Stacked bidirectional layers over shared weights; used as `Recurrent` is, but with whole windows.

    Raises MemoryError if the buffers do not fit the memory.
    """

    def __init__(
        self,
        cell: str,
        weights: Arena,
        T: int,
        B: int,
        *,
        precision: str,
        threads: int,
        gradients: Arena | None = None,
        prefix: str = "encoder",
    ) -> None:
        self.T, self.B, self.device = T, B, weights.device
        self._side_by_side = threads == 2 and self.device.name == "cpu"
        self.threads = 1 if self._side_by_side else threads
        depth = 0
        while f"{prefix}.{depth}.forward.W_ih" in weights.views:
            depth += 1
        self.layers = [
            tuple(
                Recurrent(
                    cell, weights, [(0, T)], B, compute=Compute(precision, self.threads), gradients=gradients,
                    names=[f"{prefix}.{k}.{direction}"],
                )
                for direction in DIRECTIONS
            )
            for k in range(depth)
        ]  # fmt: skip
        GH, D = weights[f"{prefix}.0.forward.W_ih"].shape
        H = GH // len(self.layers[0][0].cell.gates)
        zeros, dtype = self.device.arrays.zeros, weights.flat.dtype
        self.hidden = H
        self._lengths = zeros(B, np.int32)
        self._outputs = [zeros((T, B, 2 * H), dtype) for _ in range(depth)]
        self._reversed = [zeros((T, B, 2 * H if k else D), dtype) for k in range(depth)]
        """The reversed inputs of each layer, which its backward direction reads."""
        if gradients is not None:
            self._dhalf = zeros((T, B, H), dtype)
            self._dreversed = zeros((T, B, H), dtype)
            self._dinputs = [zeros((T, B, 2 * H if k else D), dtype) for k in range(depth)]
            self._dback = [zeros((T, B, 2 * H if k else D), dtype) for k in range(depth)]

    def draw(self, drop: Dropout = NO_DROPOUT) -> None:
        """Draw the dropout masks of a window; each direction of each layer has its own."""
        last = len(self.layers) - 1
        for k, directions in enumerate(self.layers):
            for d, recurrent in enumerate(directions):
                of_layer = replace(
                    drop,
                    inputs=drop.of_inputs(k),
                    layers=drop.layers if k == last else 0.0,
                    key=drop.key + ((1 + 2 * k + d) << 50),  # far from the keys of other steps
                )
                recurrent.draw(of_layer)

    def pack(self) -> None:
        """Pack the present weights."""
        for forward, backward in self.layers:
            self._both(forward.pack, backward.pack)

    def set_lengths(self, lengths: Array | None) -> None:
        """Set the number of steps (B,) of each sequence, on the host; None for the whole window."""
        for recurrent in self._all():
            recurrent.set_lengths(lengths)
        whole = np.full(self.B, self.T) if lengths is None else lengths
        self.device.arrays.copy_to_device(np.asarray(whole, np.int32), self._lengths)

    def prepare(self, dfinal: Mapping[str, Array] | None = None) -> None:
        """Begin a window with states of 0. `dfinal` holds the gradients of `final_states` under their names."""
        for name, recurrent in self._named():
            recurrent.reset()
            recurrent.prepare(None if dfinal is None else _with_prefix(dfinal, name))

    def final_states(self) -> dict[str, Array]:
        """Return the final states of the sequences: L.forward.0.h and so on, (B, H).

        The backward direction ends at the first step of a sequence.
        """
        return {
            f"{name}.{state}": values
            for name, recurrent in self._named()
            for state, values in recurrent.final_states().items()
        }

    def forward(self, inputs: Array) -> Array:
        """Return the outputs (T, B, 2H) for the inputs (T, B, D), valid until the next call."""
        for k, outputs in enumerate(self._outputs):
            self._both(partial(self._forward, k, inputs), partial(self._forward_reversed, k, inputs))
            inputs = outputs
        return inputs

    def _forward(self, k: int, inputs: Array) -> None:
        """Fill the first half of the outputs of layer k."""
        forward, outputs = self.layers[k][0], self._outputs[k][:, :, : self.hidden]
        forward.forward(0, inputs)
        self.device.sequences.cut(forward.outputs(0), self._lengths, outputs, self.threads)

    def _forward_reversed(self, k: int, inputs: Array) -> None:
        """Fill the other half."""
        backward, read, sequences = self.layers[k][1], self._reversed[k], self.device.sequences
        sequences.reverse(inputs, self._lengths, read, self.threads)
        backward.forward(0, read)
        sequences.reverse(backward.outputs(0), self._lengths, self._outputs[k][:, :, self.hidden :], self.threads)

    def backward(self, doutputs: Array, inputs: Array) -> Array:
        """Compute the gradients of the weights, and return that of `inputs` (T, B, D), valid until the next call.

        doutputs  (T, B, 2H)  dL/d(outputs)
        inputs    (T, B, D)   those of `forward`
        """
        for k in range(len(self.layers) - 1, -1, -1):
            read = self._outputs[k - 1] if k else inputs
            self._both(partial(self._backward, k, doutputs, read), partial(self._backward_reversed, k, doutputs))
            doutputs = self._dinputs[k]
            self.device.arrays.add(doutputs, self._dback[k])
        return doutputs

    def _backward(self, k: int, doutputs: Array, read: Array) -> None:
        """Fill `_dinputs` of layer k with what its forward direction adds."""
        self.device.sequences.cut(doutputs[:, :, : self.hidden], self._lengths, self._dhalf, self.threads)
        self.device.arrays.copy(self.layers[k][0].backward(0, self._dhalf, read), self._dinputs[k])

    def _backward_reversed(self, k: int, doutputs: Array) -> None:
        """Fill `_dback` with what the other one adds."""
        lengths, sequences = self._lengths, self.device.sequences
        sequences.reverse(doutputs[:, :, self.hidden :], lengths, self._dreversed, self.threads)
        found = self.layers[k][1].backward(0, self._dreversed, self._reversed[k])
        sequences.reverse(found, lengths, self._dback[k], self.threads)

    def _both(self, forward: Callable[[], None], backward: Callable[[], None]) -> None:
        """Compute both directions of a layer, which share no buffer that is written."""
        if not self._side_by_side:
            forward()
            backward()
            return
        other = _other_thread().submit(backward)
        try:
            forward()
        finally:
            other.result()

    def finish(self) -> None:
        """Complete the gradients of the weights after `backward`."""
        for recurrent in self._all():
            recurrent.finish()

    def _named(self) -> Sequence[tuple[str, Recurrent]]:
        return [
            (f"{k}.{direction}", recurrent)
            for k, directions in enumerate(self.layers)
            for direction, recurrent in zip(DIRECTIONS, directions, strict=True)
        ]

    def _all(self) -> list[Recurrent]:
        return [recurrent for _, recurrent in self._named()]


@cache
def _other_thread() -> ThreadPoolExecutor:
    """Return the thread that computes the backward directions; kernels need no interpreter lock."""
    return ThreadPoolExecutor(1, thread_name_prefix="backward")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_other_thread.cache_clear)  # a forked process has none of its parent's threads


def _with_prefix(named: Mapping[str, Array], name: str) -> dict[str, Array]:
    """Return the entries whose key starts with NAME., without this prefix."""
    return {key.removeprefix(f"{name}."): value for key, value in named.items() if key.startswith(f"{name}.")}
