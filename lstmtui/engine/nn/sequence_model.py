"""A model of numeric sequences: recurrent layers, and a linear layer at the positions with a target.

    x (T, B, D) > recurrent layers (recurrent.py) > selected rows > outputs (N, K) > loss

The loss depends on the kind of target. It is the mean over the N rows of the squared error, of the cross-entropy of a
softmax, or of the cross-entropies of K sigmoids.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.memory_tasks import Batch
from lstmtui.engine.backend import Packed, linear, softmax
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena, Parameter, decayed_first, layer_parameters, uniform, zeros
from lstmtui.engine.nn.recurrent import NO_DROPOUT, NO_PENALTY, Dropout, Penalty, Recurrent

Array = np.ndarray[Any, Any]


def parameters(s: RunSettings, D: int, K: int) -> list[Parameter]:
    """Return the parameters of a model with D inputs and K outputs: those of layers.L, answer.W and answer.b."""
    H = s.network.hidden
    layout = [p for k in range(s.network.layers) for p in layer_parameters(f"layers.{k}", s, H if k else D)]
    layout += [
        Parameter("answer.W", (K, H), uniform(1 / np.sqrt(H)), decays=True),
        Parameter("answer.b", (K,), zeros, decays=False),
    ]
    return decayed_first(layout)


class SequenceModel:
    """The model with buffers for one (T, B), over shared weights; each batch starts from states of 0."""

    def __init__(
        self, s: RunSettings, weights: Arena, kind: str, T: int, B: int, *, gradients: Arena | None = None
    ) -> None:
        """`kind` is a key of LOSSES; without `gradients` the model only reads. Raises MemoryError."""
        self.weights, self.T, self.B, self.threads = weights, T, B, s.run.threads
        self._loss = LOSSES[kind]
        self.precision = weights.device.resolve_precision(s.run.precision, weights.flat.dtype)
        if gradients is not None:
            self.gradients = gradients
        self.recurrent = Recurrent(
            s.network.cell, weights, [(0, T)], B,
            compute=Compute(self.precision, self.threads), gradients=gradients,
        )  # fmt: skip
        self.cell = self.recurrent.cell
        K, H = weights["answer.W"].shape
        self._W = Packed(H, K, self.precision)
        self._doutputs = np.zeros((T, B, H) if gradients is not None else (0, B, H), weights.flat.dtype)

    def states(self) -> dict[str, Array]:
        """Return {}: no state is carried from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Do nothing: no state is carried."""

    def gates(self) -> list[Array]:
        """Return each layer's gates after their nonlinearity, (steps, B, G, H), of the last batch."""
        return self.recurrent.gates()

    def answers(self, batch: Batch) -> Array:
        """Return the outputs (N, K) at the positions with a target."""
        return self._read(batch, NO_DROPOUT, NO_PENALTY)[1]

    def _read(self, batch: Batch, drop: Dropout, penalties: Penalty) -> tuple[Array, Array]:
        """Return the rows (N, H) at the positions with a target, and the outputs (N, K)."""
        self.recurrent.draw(drop, penalties)
        self.recurrent.pack()
        self._W.pack_transposed(self.weights["answer.W"], self.threads)
        self.recurrent.prepare()
        self.recurrent.reset()
        self.recurrent.forward(0, np.asarray(batch.x, self.weights.flat.dtype))
        rows = self.recurrent.outputs(0)[batch.asked]
        answers = np.zeros((len(rows), len(self.weights["answer.b"])), rows.dtype)
        linear.forward(rows, self._W, self.weights["answer.b"], answers, self.threads)
        return rows, answers

    def gradient(self, batch: Batch, drop: Dropout = NO_DROPOUT, penalties: Penalty = NO_PENALTY) -> float:
        """Compute the gradients of the loss, and return the loss."""
        w, g, threads = self.weights, self.gradients, self.threads
        rows, answers = self._read(batch, drop, penalties)
        loss, danswers = self._loss(answers, batch.y, threads)
        linear.backward_weights(danswers, rows, g["answer.W"], g["answer.b"], self.precision, threads)
        drows = np.zeros_like(rows)
        linear.backward_input(danswers, w["answer.W"], drows, self.precision, threads)
        self._doutputs.fill(0)
        self._doutputs[batch.asked] = drows
        self.recurrent.backward(0, self._doutputs, np.asarray(batch.x, w.flat.dtype))
        self.recurrent.finish()
        return loss


# --- losses: (outputs (N, K), y, threads) -> mean over N, and its gradient (N, K) -------------------------------------


def numbers(answers: Array, y: Array, threads: int) -> tuple[float, Array]:
    """Squared error against y (N, K)."""
    differences = answers - y
    return float(np.mean(np.square(differences).sum(axis=1), dtype=np.float64)), differences * (2 / len(y))


def classes(answers: Array, y: Array, threads: int) -> tuple[float, Array]:
    """Cross-entropy of a softmax with the classes y (N,), in nats; the gradient overwrites the outputs."""
    nll = np.zeros(len(y), answers.dtype)
    softmax.cross_entropy(answers, y, nll, 1 / len(y), threads)
    return float(np.mean(nll, dtype=np.float64)), answers


def sets(answers: Array, y: Array, threads: int) -> tuple[float, Array]:
    """Sum of the cross-entropies of K sigmoids with y (N, K) of 0 and 1, in nats."""
    exponential = np.exp(-np.abs(answers))  # never overflows
    nll = np.maximum(answers, 0) - answers * y + np.log1p(exponential)
    probability = np.where(answers >= 0, 1, exponential) / (1 + exponential)
    return float(np.mean(nll.sum(axis=1), dtype=np.float64)), ((probability - y) / len(y)).astype(answers.dtype)


LOSSES = {"numbers": numbers, "classes": classes, "sets": sets}
