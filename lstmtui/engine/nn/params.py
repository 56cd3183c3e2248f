"""The flat arena: name, shape and initial value of every parameter, in one array.

One array is one norm, one clip, one optimizer step and one write to disk. Matrices come first, so that weight decay
applies to a prefix; each parameter starts on a cache line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.backend import CELLS, CPU, Cell, Device

Array = np.ndarray[Any, Any]
Initial = Callable[[np.random.Generator, tuple[int, ...]], Array]

ALIGNED = 16  # elements: 64 bytes of float32
MAX_COUNTED_TOKENS = 10_000_000
"""Tokens that are counted for their frequencies."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One named array of the arena."""

    name: str
    shape: tuple[int, ...]
    initial: Initial
    decays: bool


def zeros(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return zeros."""
    return np.zeros(shape)


def uniform(bound: float) -> Initial:
    """Return an initial value drawn evenly from -bound to bound."""
    return lambda random, shape: random.uniform(-bound, bound, shape)


def orthogonal_blocks(gates: int) -> Initial:
    """Return one orthogonal (H, H) matrix for each gate, stacked (Saxe et al. 2013, arXiv:1312.6120)."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
        H = shape[1]
        blocks = [np.zeros((0, H))]
        for _ in range(gates):
            q, r = np.linalg.qr(random.standard_normal((H, H)))
            blocks.append(q * np.sign(np.diag(r)))  # the sign makes the distribution uniform
        return np.concatenate(blocks)

    return draw


def gate_bias(cell: Cell, forget_bias: float) -> Initial:
    """Return zeros, but `forget_bias` on the gate that keeps a unit's memory, or its negative on one that forgets."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
        b = np.zeros((len(cell.gates), shape[0] // len(cell.gates)))
        if cell.memory_gate is not None and cell.memory_gate.biased:
            b[cell.gate_names.index(cell.memory_gate.gate)] = cell.memory_gate.sign * forget_bias
        return b.reshape(-1)

    return draw


def chrono_bias(cell: Cell, span: int) -> Initial:
    """Return biases by which units begin with memories of 1 to `span` steps: log u, u drawn evenly from 1 to span - 1.

    A gate that keeps with sigmoid(log u) forgets in about u steps. The gate that keeps gets it, one that forgets its
    negative, and so does a separate input gate, so that a unit that keeps long takes up little; a cell without such
    gates begins with zeros.
    Source: Tallec and Ollivier 2018, arXiv:1804.11188, section 3, for LSTM; z of a GRU as their leaky unit.
    """

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
        b = np.zeros((len(cell.gates), shape[0] // len(cell.gates)))
        keeps = np.log(random.uniform(1, max(2, span - 1), b.shape[1]))
        if memory_gate := cell.memory_gate:
            b[cell.gate_names.index(memory_gate.gate)] = memory_gate.sign * keeps
            if memory_gate.input_gate:
                b[cell.gate_names.index(memory_gate.input_gate)] = -keeps
        return b.reshape(-1)

    return draw


def layer_parameters(name: str, s: RunSettings, D: int) -> list[Parameter]:
    """Return the parameters of one recurrent layer that reads D numbers: NAME.W_ih (GH, D), W_hh (RH, H), b and unit.

    G gates, R of them with a recurrent product.
    """
    cell, H = CELLS[s.network.cell], s.network.hidden
    recurrent = (
        orthogonal_blocks(len(cell.recurrent_gates))
        if s.network.init_recurrent == "orthogonal"
        else uniform(1 / math.sqrt(H))
    )
    bias = chrono_bias(cell, s.network.init_span) if s.network.init_span else gate_bias(cell, s.network.forget_bias)
    return recurrent_parameters(name, cell, (H, D), recurrent, bias)


def recurrent_parameters(
    name: str, cell: Cell, sizes: tuple[int, int], recurrent: Initial, bias: Initial
) -> list[Parameter]:
    """Return the parameters of one recurrent layer of `sizes` (H, D), W_hh and b with these initial values."""
    (H, D), G, R, P = sizes, len(cell.gates), len(cell.recurrent_gates), len(cell.unit_params)
    return [
        Parameter(f"{name}.W_ih", (G * H, D), uniform(math.sqrt(6 / (D + H))), decays=True),
        Parameter(f"{name}.W_hh", (R * H, H), recurrent, decays=True),
        Parameter(f"{name}.b", (G * H,), bias, decays=False),
        Parameter(f"{name}.unit", (P, H), zeros, decays=False),
    ]


def parameters(s: RunSettings, vocabulary: int) -> list[Parameter]:
    """Return every parameter of the network that `s` describes, decayed matrices first.

    embedding (V, D); layers.L.W_ih (GH, D), W_hh (RH, H), b (GH,), unit (P, H): the cell's parameters of one value a
    unit, rows as in `Cell.unit_params`; softmax.W (V, H), unless tied, and softmax.b (V,).
    """
    H, D = s.network.hidden, s.network.embedding
    # A tied matrix is read as a softmax too, where large initial logits would only have to be unlearnt.
    found = [
        Parameter("embedding", (vocabulary, D), uniform(0.1 if s.network.tied else 1 / math.sqrt(D)), decays=False)
    ]
    for layer in range(s.network.layers):
        found += layer_parameters(f"layers.{layer}", s, D if layer == 0 else H)
    if not s.network.tied:
        found.append(Parameter("softmax.W", (vocabulary, H), uniform(1 / math.sqrt(H)), decays=True))
    found.append(Parameter("softmax.b", (vocabulary,), zeros, decays=False))
    return decayed_first(found)


def decayed_first(found: list[Parameter]) -> list[Parameter]:
    """Return the parameters in the order of an arena."""
    return sorted(found, key=lambda p: not p.decays)


def log_frequencies(tokens: Array, vocabulary: int) -> Array:
    """Return the logarithm of each token's share (V,), as a first bias of the softmax.

    Otherwise the first steps go into unlearning the tokens that never occur, which drives units into saturation:
    on a text of 20 of the 256 bytes, 64 steps reached 0.35 nats this way and 2.29 from zeros.
    """
    counts = (
        np.bincount(np.asarray(tokens[:MAX_COUNTED_TOKENS]), minlength=vocabulary) + 0.1
    )  # a finite one for unseen tokens
    return np.asarray(np.log(counts / counts.sum()))


class Arena:
    """One flat array with a named view for each parameter, on one device."""

    def __init__(
        self, layout: list[Parameter], dtype: type[np.floating[Any]] = np.float32, device: Device = CPU
    ) -> None:
        """Raises MemoryError where the device has no room for it."""
        self.layout, self.device = layout, device
        places, size = [], 0
        for p in layout:
            places.append(size)
            size += -(-math.prod(p.shape) // ALIGNED) * ALIGNED
        self._places = places
        self.flat = device.arrays.zeros(size, dtype)
        self.views: dict[str, Array] = self._named(self.flat, device)
        self.decayed = next((at for p, at in zip(layout, places, strict=True) if not p.decays), size)
        """Weight decay applies to flat[:decayed]."""

    def __getitem__(self, name: str) -> Array:
        return self.views[name]

    def _named(self, flat: Array, device: Device) -> dict[str, Array]:
        return {p.name: device.arrays.view(flat, at, p.shape) for p, at in zip(self.layout, self._places, strict=True)}

    def initialise(self, seed: int) -> None:
        """Draw every parameter; each has its own stream, so that one shape does not change another's values."""
        with self.on_host() as views:
            for number, p in enumerate(self.layout):
                random = np.random.default_rng([seed, number])
                views[p.name][...] = p.initial(random, p.shape)

    def read(self) -> dict[str, Array]:
        """Return all values by name, on the host: the views themselves on the processor, else copies."""
        return self._named(self.device.arrays.to_host(self.flat), CPU)

    @contextmanager
    def on_host(self) -> Iterator[dict[str, Array]]:
        """Give all values by name, on the host; what is written into them is taken over at the end."""
        flat = self.device.arrays.to_host(self.flat)
        yield self._named(flat, CPU)
        if flat is not self.flat:
            self.device.arrays.copy_to_device(flat, self.flat)

    def snapshot(self) -> Array:
        """Return a copy of `flat`, on the host."""
        return np.array(self.device.arrays.to_host(self.flat))

    def restore(self, snapshot: Array) -> None:
        """Take the values of a snapshot."""
        self.device.arrays.copy_to_device(snapshot, self.flat)

    @property
    def count(self) -> int:
        """How many parameters there are, padding not counted."""
        return sum(view.size for view in self.views.values())


class Mirror:
    """Weights as the processor sees them, which writes samples and follows gradients wherever the network trains."""

    def __init__(self, weights: Arena) -> None:
        self._weights = weights
        on_host = weights.device.name == "cpu"
        self.host = weights if on_host else Arena(weights.layout, weights.flat.dtype.type)
        """The weights themselves, or a copy of those on another device, as of the last `refresh`."""

    def refresh(self) -> None:
        """Take the weights as they are now."""
        if self.host is not self._weights:
            self.host.restore(self._weights.device.arrays.to_host(self._weights.flat))
