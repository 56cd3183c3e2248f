"""A linear layer with connectionist temporal classification: frames (T, B, D) to the loss of their labels.

    outputs > logits (T, B, V), of which 0 is the blank > loss over all alignments with the labels

Labels need no alignment with frames (Graves et al. 2006). An utterance of too few frames for its labels has neither
loss nor gradient, and `aligned` is 0 for it. Buffers are for the longest batch: shorter ones use a part of them.
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
        """`gradients` is where those of the weights go, None to read only. Raises MemoryError where the buffers do not
        fit."""
        self.weights, self.gradients, self.prefix = weights, gradients, prefix
        self.precision, self.threads, self.device = precision, threads, weights.device
        (V, D), dtype, made = weights[f"{prefix}.W"].shape, weights.flat.dtype, self.device.arrays.zeros
        self._W = self.device.Packed(D, V, precision)
        self._logits, self.nll, self.aligned = made(T * B * V, dtype), made(B, dtype), made(B, np.int32)
        self._work = made(math.prod(self.device.ctc.work_shape(T, B, U)), dtype)
        if gradients is not None:
            self._dx = made(T * B * D, dtype)

    def pack(self) -> None:
        """Take the weights as they are now."""
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

        x        (t, B, D)  what the encoder makes of the frames
        targets             on the device; `aligned` (B,) tells which of them have a loss
        scale               of the loss, scale * sum(nll), whose gradients `backward` returns
        """
        logits, (t, B, _) = self.logits(x), x.shape
        work = self._view(self._work, *self.device.ctc.work_shape(t, B, targets.labels.shape[1]))
        self.device.ctc.loss(logits, targets, self.nll, self.aligned, work, scale, self.threads)
        return self.nll

    def backward(self, x: Array, *, add: bool = False) -> Array:
        """Fill the gradients of the weights, or add to them, and return that of x (t, B, D), valid until the next call.

        x  as `forward` had it
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
