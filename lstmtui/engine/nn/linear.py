"""A linear layer with its buffers: out = x W' + b for up to N rows, forward and backward."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]


class Compute(NamedTuple):
    """How products are computed."""

    precision: str
    threads: int


class Linear:
    """One linear layer over shared weights NAME.W (M, D) and, where there is one, NAME.b (M,)."""

    def __init__(self, weights: Arena, gradients: Arena | None, name: str, N: int, compute: Compute) -> None:
        """`gradients` is where those of the weights go, None to read only. Raises MemoryError where the buffers do not
        fit."""
        self.weights, self.gradients, self.name, self.compute = weights, gradients, name, compute
        self.device = weights.device
        M, D = weights[f"{name}.W"].shape
        self._W = self.device.Packed(D, M, compute.precision)
        self.out = self.device.arrays.zeros((N, M), weights.flat.dtype)
        """What `forward` returns, which others may change in place."""

    def pack(self) -> None:
        """Take the weights as they are now."""
        self._W.pack_transposed(self.weights[f"{self.name}.W"], self.compute.threads)

    def forward(self, x: Array) -> Array:
        """Return `out` (N, M) of x (N, D), valid until the next call."""
        b = self.weights.views.get(f"{self.name}.b")
        self.device.linear.forward(x, self._W, b, self.out, self.compute.threads)
        return self.out

    def backward(self, dout: Array, x: Array, dx: Array, *, add: bool = False) -> None:
        """Fill the gradients of the weights, and fill dx (N, D) or add to it.

        dout  (N, M)  dL/d(out)
        x     (N, D)  as `forward` had it
        """
        assert self.gradients is not None
        linear, (precision, threads) = self.device.linear, self.compute
        dW, db = self.gradients[f"{self.name}.W"], self.gradients.views.get(f"{self.name}.b")
        linear.backward_weights(dout, x, dW, db, precision, threads)
        linear.backward_input(dout, self.weights[f"{self.name}.W"], dx, precision, threads, add=add)
