"""A linear layer with connectionist temporal classification: frames (T, B, D) to the loss of their labels.

    outputs > logits (T, B, V), index 0 the blank > loss over all alignments with the labels

The labels need no alignment with the frames (Graves et al. 2006). An utterance with too few frames for its labels has
no loss and no gradient, and its `aligned` is 0. The buffers fit the longest batch; shorter batches use a part of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmtui.engine.backend import CTCTargets
from lstmtui.engine.nn.params import Arena, Parameter, uniform, zeros

Array = np.ndarray[Any, Any]


def parameters(prefix: str, D: int, V: int) -> list[Parameter]:
    """Return the parameters of the layer: PREFIX.W (V, D) and PREFIX.b (V,)."""
    return [
        Parameter(f"{prefix}.W", (V, D), uniform(1 / math.sqrt(D)), decays=True),
        Parameter(f"{prefix}.b", (V,), zeros, decays=False),
    ]


class CTC:
    """Buffers for batches of up to T frames of B utterances with up to U labels, over shared weights."""

    def __init__(
        self, weights: Arena, T: int, B: int, U: int, *, precision: str, threads: int, gradients: Arena | None = None,
        prefix: str = "ctc",
    ) -> None:  # fmt: skip
        """`gradients` is the arena for the gradients of the weights; None for a model that only reads.

        Raises MemoryError if the buffers do not fit the memory.
        """
        self.weights, self.gradients, self.prefix = weights, gradients, prefix
        self.precision, self.threads, self.device = precision, threads, weights.device
        (V, D), dtype, allocate = weights[f"{prefix}.W"].shape, weights.flat.dtype, self.device.arrays.zeros
        self._W = self.device.Packed(D, V, precision)
        self._logits, self.nll, self.aligned = allocate(T * B * V, dtype), allocate(B, dtype), allocate(B, np.int32)
        self._work = allocate(math.prod(self.device.ctc.work_shape(T, B, U)), dtype)
        if gradients is not None:
            self._dx = allocate(T * B * D, dtype)

    def pack(self) -> None:
        """Pack the present weights."""
        self._W.pack_transposed(self.weights[f"{self.prefix}.W"], self.threads)

    def logits(self, x: Array) -> Array:
        """Return the logits (t, B, V) of x (t, B, D), valid until the next call."""
        b = self.weights[f"{self.prefix}.b"]
        (t, B, D), V = x.shape, len(b)
        logits = self._view(self._logits, t * B, V)
        self.device.linear.forward(x.reshape(t * B, D), self._W, b, logits, self.threads)
        return logits.reshape(t, B, V)

    def forward(self, x: Array, targets: CTCTargets, scale: float) -> Array:
        """Return the negative log-likelihood of each utterance's labels (B,), in nats, on the device.

        x        (t, B, D)  outputs of the encoder
        targets             on the device; `aligned` (B,) is 1 for those with a loss
        scale               `backward` returns the gradients of scale * sum(nll)
        """
        logits, (t, B, _) = self.logits(x), x.shape
        work = self._view(self._work, *self.device.ctc.work_shape(t, B, targets.labels.shape[1]))
        self.device.ctc.loss(logits, targets, self.nll, self.aligned, work, scale, self.threads)
        return self.nll

    def backward(self, x: Array, *, add: bool = False) -> Array:
        """Compute the gradients of the weights, and return that of x (t, B, D), valid until the next call.

        x    the argument of `forward`
        add  whether the gradients of the weights add to the previous ones
        """
        assert self.gradients is not None
        (t, B, D), V = x.shape, len(self.weights[f"{self.prefix}.b"])
        dlogits, dx = self._view(self._logits, t * B, V), self._view(self._dx, t * B, D)
        W, g, linear = self.weights[f"{self.prefix}.W"], self.gradients, self.device.linear
        linear.backward_weights(
            dlogits, x.reshape(t * B, D), g[f"{self.prefix}.W"], g[f"{self.prefix}.b"], self.precision, self.threads,
            add=add,
        )  # fmt: skip
        linear.backward_input(dlogits, W, dx, self.precision, self.threads)
        return dx.reshape(t, B, D)

    def _view(self, flat: Array, *shape: int) -> Array:
        return self.device.arrays.view(flat, 0, shape)
