"""Statistics of gates: saturation by layer, gate and unit, and the activations over one window.

A sigmoid gate is left-saturated below 0.1 and right-saturated above 0.9 (Karpathy, Johnson and Li 2015,
arXiv:1506.02078), a tanh gate below -0.9 and above 0.9, and an unbounded gate never. The distribution of a gate is its
quantiles over units, sequences and steps.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from lstmtui.engine.backend import Cell
from lstmtui.engine.nn.params import Arena
from lstmtui.runs.snapshot import QUANTILES

Array = np.ndarray[Any, Any]

MAX_VALUES = 1 << 13
"""Values of a gate whose quantiles are taken: those of evenly spaced sequences and steps."""


class GateReader(Protocol):
    """A network that has read a window and holds its gates."""

    @property
    def cell(self) -> Cell:
        """The recurrent cell."""
        ...

    def gates(self) -> list[Array]:
        """Return each layer's gates after their nonlinearity, (steps, B, G, H), in host memory."""
        ...


def saturation(network: GateReader) -> dict[str, Array]:
    """Return the arrays of a `snapshot.Saturation` over the window that the network read last.

    left, right  (L, G, H)  left- and right-saturated fractions
    quantiles    (L, G, Q)  QUANTILES of a gate's values
    """
    low, high = np.array([gate.saturates_beyond for gate in network.cell.gates], np.float32).T
    left, right, quantiles = [], [], []
    for gates in network.gates():
        left.append(np.mean(gates < low[:, None], axis=(0, 1), dtype=np.float32))
        right.append(np.mean(gates > high[:, None], axis=(0, 1), dtype=np.float32))
        quantiles.append(_quantiles(gates))
    return {"left": np.stack(left), "right": np.stack(right), "quantiles": np.stack(quantiles)}


def _quantiles(gates: Array) -> Array:
    """Return QUANTILES of the values of each gate (G, Q), given a layer's gates (steps, B, G, H)."""
    values = gates.reshape(-1, *gates.shape[2:])
    rows = max(1, MAX_VALUES // values.shape[2])
    # An odd stride: an even one would always meet the same sequences of an even batch.
    of_gates = values[:: (len(values) // rows) | 1].transpose(1, 0, 2).reshape(values.shape[1], -1)
    return np.quantile(of_gates, QUANTILES, axis=1).T.astype(np.float32)


def sample_weights(weights: Arena, count: int = 1 << 16) -> Array:
    """Return a host copy of about `count` of the weights, evenly spaced."""
    return np.asarray(weights.device.arrays.to_host_strided(weights.flat, max(1, len(weights.flat) // count)))


def update_ratio(before: Array, after: Array) -> float:
    """Return the norm of an update relative to that of the weights: 1e-3 is usual, 1e-1 is large."""
    return float(np.linalg.norm(after - before)) / max(1e-30, float(np.linalg.norm(before)))


def gate_window(network: GateReader) -> Array:
    """Return the gates of the first sequence over the window that the network read last, (L, G, steps, H) float16."""
    return np.stack([gates[:, 0].transpose(1, 0, 2) for gates in network.gates()]).astype(np.float16)
