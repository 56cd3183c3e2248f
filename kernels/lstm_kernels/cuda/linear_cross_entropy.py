"""Twin of `cpu.linear_cross_entropy`: one library product after the other, with all logits (N, V) at once."""

from __future__ import annotations

from typing import Any

from lstm_kernels.cuda import linear, softmax
from lstm_kernels.cuda.arrays import zeros
from lstm_kernels.cuda.gemm import Packed
from lstm_kernels.cuda.launch import Array
from lstm_kernels.interface import NO_SMOOTHING, Smoothing


class LinearCrossEntropy:
    """Buffers for up to N positions of D numbers and a vocabulary of V."""

    def __init__(self, N: int, D: int, V: int, dtype: Any, precision: str) -> None:
        """Raises MemoryError where there is no room."""
        self._packed, self._logits = Packed(D, V, precision), zeros((N, V), dtype)

    def forward(
        self, x: Array, W: Array, b: Array, targets: Array, nll: Array, scale: float, threads: int,
        smoothing: Smoothing = NO_SMOOTHING,
    ) -> None:  # fmt: skip
        """Fill nll (N,), and `smoothing.uniform` where it is wanted, given x (N, D), W (V, D), b (V,) and targets (N,),
        and prepare `backward`."""
        logits = self._logits[: len(x)]
        self._packed.pack_transposed(W, threads)
        linear.forward(x, self._packed, b, logits, threads)
        softmax.cross_entropy(logits, targets, nll, scale, threads, smoothing)

    def backward(
        self, x: Array, W: Array, targets: Array, dx: Array, dW: Array, db: Array, threads: int, *, add: bool = False
    ) -> None:
        """Fill dx (N, D), and fill dW (V, D) and db (V,) or add to them, after `forward` with the same."""
        dlogits, precision = self._logits[: len(x)], self._packed.precision
        linear.backward_weights(dlogits, x, dW, db, precision, threads, add=add)
        linear.backward_input(dlogits, W, dx, precision, threads)
