"""The flat arena: name, shape and initial value of every parameter, in one array.

Norm, clipping, optimizer step and checkpoint each process one array. Matrices come first, so that weight decay applies
to a prefix. Each parameter starts on a cache line.
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
"""Maximum number of tokens counted for `log_frequencies`."""


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
    """Return an initialiser that draws uniformly from -bound to bound."""
    return lambda random, shape: random.uniform(-bound, bound, shape)


def orthogonal_blocks(gates: int) -> Initial:
    """Return an initialiser of one orthogonal (H, H) matrix per gate, stacked (Saxe et al. 2013, arXiv:1312.6120)."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
        H = shape[1]
        blocks = [np.zeros((0, H))]
        for _ in range(gates):
            q, r = np.linalg.qr(random.standard_normal((H, H)))
            blocks.append(q * np.sign(np.diag(r)))  # the sign makes the distribution uniform
        return np.concatenate(blocks)

    return draw


def gate_bias(cell: Cell, forget_bias: float) -> Initial:
    """Return an initialiser of zeros, with `forget_bias` on the gate that keeps the memory (negated if it erases)."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
        b = np.zeros((len(cell.gates), shape[0] // len(cell.gates)))
        if cell.memory_gate is not None and cell.memory_gate.biased:
            b[cell.gate_names.index(cell.memory_gate.gate)] = cell.memory_gate.sign * forget_bias
        return b.reshape(-1)

    return draw


def chrono_bias(cell: Cell, span: int) -> Initial:
    """Return an initialiser that gives units memories of 1 to `span` steps: log u, u uniform from 1 to span - 1.

    A gate that keeps the memory with sigmoid(log u) forgets in about u steps. This gate gets log u; a gate that erases
    and a separate input gate get -log u, so that units with a long memory read little. A cell without such gates gets
    zeros.
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
    """Return the parameters of one recurrent layer with D inputs: NAME.W_ih (GH, D), W_hh (RH, H), b and unit.

    The cell has G gates, R of them with a recurrent product.
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

    embedding (V, D); layers.L.W_ih (GH, D), W_hh (RH, H), b (GH,), unit (P, H), the cell's parameters with one value
    per unit in the order of `Cell.unit_params`; softmax.W (V, H), unless tied, and softmax.b (V,).
    """
    H, D = s.network.hidden, s.network.embedding
    # A tied matrix is also the softmax's, where large initial logits would first have to be unlearnt.
    layout = [
        Parameter("embedding", (vocabulary, D), uniform(0.1 if s.network.tied else 1 / math.sqrt(D)), decays=False)
    ]
    for layer in range(s.network.layers):
        layout += layer_parameters(f"layers.{layer}", s, D if layer == 0 else H)
    if not s.network.tied:
        layout.append(Parameter("softmax.W", (vocabulary, H), uniform(1 / math.sqrt(H)), decays=True))
    layout.append(Parameter("softmax.b", (vocabulary,), zeros, decays=False))
    return decayed_first(layout)


def decayed_first(parameters: list[Parameter]) -> list[Parameter]:
    """Return the parameters in the order of an arena, those with weight decay first."""
    return sorted(parameters, key=lambda p: not p.decays)


def log_frequencies(tokens: Array, vocabulary: int) -> Array:
    """Return the logarithm of each token's frequency (V,), as the initial bias of the softmax.

    From zeros, the first steps would unlearn the tokens that never occur, which drives units into saturation: on a
    text with 20 of the 256 bytes, 64 steps reached 0.35 nats with this bias and 2.29 from zeros.
    """
    # 0.1 keeps the logarithm finite for unseen tokens.
    counts = np.bincount(np.asarray(tokens[:MAX_COUNTED_TOKENS]), minlength=vocabulary) + 0.1
    return np.asarray(np.log(counts / counts.sum()))


class Arena:
    """One flat array with a named view for each parameter, on one device."""

    def __init__(
        self, layout: list[Parameter], dtype: type[np.floating[Any]] = np.float32, device: Device = CPU
    ) -> None:
        """Raises MemoryError if the device has too little memory."""
        self.layout, self.device = layout, device
        offsets, size = [], 0
        for p in layout:
            offsets.append(size)
            size += -(-math.prod(p.shape) // ALIGNED) * ALIGNED
        self._offsets = offsets
        self.flat = device.arrays.zeros(size, dtype)
        self.views: dict[str, Array] = self._named(self.flat, device)
        self.decayed = next((offset for p, offset in zip(layout, offsets, strict=True) if not p.decays), size)
        """Weight decay applies to flat[:decayed]."""

    def __getitem__(self, name: str) -> Array:
        return self.views[name]

    def _named(self, flat: Array, device: Device) -> dict[str, Array]:
        return {
            p.name: device.arrays.view(flat, offset, p.shape)
            for p, offset in zip(self.layout, self._offsets, strict=True)
        }

    def initialise(self, seed: int) -> None:
        """Draw every parameter from its own random stream, so that its values do not depend on other shapes."""
        with self.on_host() as views:
            for number, p in enumerate(self.layout):
                random = np.random.default_rng([seed, number])
                views[p.name][...] = p.initial(random, p.shape)

    def read(self) -> dict[str, Array]:
        """Return all values by name, on the host: views for a CPU arena, else copies."""
        return self._named(self.device.arrays.to_host(self.flat), CPU)

    @contextmanager
    def on_host(self) -> Iterator[dict[str, Array]]:
        """Yield all values by name, on the host; writes reach the arena at the end of the context."""
        flat = self.device.arrays.to_host(self.flat)
        yield self._named(flat, CPU)
        if flat is not self.flat:
            self.device.arrays.copy_to_device(flat, self.flat)

    def snapshot(self) -> Array:
        """Return a copy of `flat`, on the host."""
        return np.array(self.device.arrays.to_host(self.flat))

    def restore(self, snapshot: Array) -> None:
        """Set all values from a snapshot."""
        self.device.arrays.copy_to_device(snapshot, self.flat)

    @property
    def count(self) -> int:
        """The number of parameters, without padding."""
        return sum(view.size for view in self.views.values())


class Mirror:
    """A copy of the weights on the CPU, for sampling and gradient flow of a network on any device."""

    def __init__(self, weights: Arena) -> None:
        self._weights = weights
        on_host = weights.device.name == "cpu"
        self.host = weights if on_host else Arena(weights.layout, weights.flat.dtype.type)
        """The weights themselves if they are on the CPU, else a copy from the last `refresh`."""

    def refresh(self) -> None:
        """Copy the present weights."""
        if self.host is not self._weights:
            self.host.restore(self._weights.device.arrays.to_host(self._weights.flat))
