"""A network that reads numbers and answers where it is asked: recurrent layers below one linear layer.

    x (T, B, D) > recurrent layers (stack.py) > rows that are asked > answers (N, K) > loss

The loss is by the kind of answer: a mean over the N rows of squared differences, of the cross-entropy of a softmax, or
of the cross-entropies of K sigmoids.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.data.memory_tasks import Batch
from lstmtui.engine.backend import Packed, linear, softmax
from lstmtui.engine.nn.params import Arena, Parameter, decayed_first, layer_parameters, uniform, zeros
from lstmtui.engine.nn.recurrent import NO_DROPOUT, NO_PENALTY, Dropout, Penalty, Recurrent

Array = np.ndarray[Any, Any]


def parameters(s: RunSettings, D: int, K: int) -> list[Parameter]:
    """Return the parameters of a network that reads D numbers a step and answers K: layers.L as ever, answer.W, b."""
    H = s.network.hidden
    found = [p for k in range(s.network.layers) for p in layer_parameters(f"layers.{k}", s, H if k else D)]
    found += [
        Parameter("answer.W", (K, H), uniform(1 / np.sqrt(H)), decays=True),
        Parameter("answer.b", (K,), zeros, decays=False),
    ]
    return decayed_first(found)


class SequenceModel:
    """One (T, B) of the network over shared weights; each batch begins with states of zero."""

    def __init__(
        self, s: RunSettings, weights: Arena, kind: str, T: int, B: int, *, gradients: Arena | None = None
    ) -> None:
        """`kind` is that of the answers; without `gradients` it only reads. Raises MemoryError."""
        self.weights, self.T, self.B, self.threads = weights, T, B, s.run.threads
        self._loss = LOSSES[kind]
        self.precision = weights.device.resolve_precision(s.run.precision, weights.flat.dtype)
        if gradients is not None:
            self.gradients = gradients
        self.recurrent = Recurrent(
            s.network.cell, weights, [(0, T)], B,
            precision=self.precision, threads=self.threads, gradients=gradients,
        )  # fmt: skip
        self.cell = self.recurrent.cell
        K, H = weights["answer.W"].shape
        self._W = Packed(H, K, self.precision)
        self._doutputs = np.zeros((T, B, H) if gradients is not None else (0, B, H), weights.flat.dtype)

    def states(self) -> dict[str, Array]:
        """Return nothing: no state carries over from one batch to the next."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry nothing over."""

    def gates(self) -> list[Array]:
        """Return each layer's gates after their nonlinearity, (steps, B, G, H), of what was read last."""
        return self.recurrent.gates()

    def answers(self, batch: Batch) -> Array:
        """Return the answers (N, K) at the places that are asked."""
        return self._read(batch, NO_DROPOUT, NO_PENALTY)[1]

    def _read(self, batch: Batch, drop: Dropout, penalties: Penalty) -> tuple[Array, Array]:
        """Return the rows (N, H) that are asked, and the answers."""
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
        """Fill `gradients` with those of the loss, and return it."""
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


# --- losses: (answers (N, K), y, threads) -> the mean over N, and its gradient (N, K) ---------------------------------


def numbers(answers: Array, y: Array, threads: int) -> tuple[float, Array]:
    """Mean square of the differences from y (N, K)."""
    differences = answers - y
    return float(np.mean(np.square(differences).sum(axis=1), dtype=np.float64)), differences * (2 / len(y))


def classes(answers: Array, y: Array, threads: int) -> tuple[float, Array]:
    """Cross-entropy of a softmax with the classes y (N,), in nats; the gradient takes the place of `answers`."""
    nll = np.zeros(len(y), answers.dtype)
    softmax.cross_entropy(answers, y, nll, 1 / len(y), threads)
    return float(np.mean(nll, dtype=np.float64)), answers


def sets(answers: Array, y: Array, threads: int) -> tuple[float, Array]:
    """Cross-entropies of K sigmoids with y (N, K) of 0 and 1, in nats."""
    away = np.exp(-np.abs(answers))  # never overflows
    nll = np.maximum(answers, 0) - answers * y + np.log1p(away)
    likely = np.where(answers >= 0, 1, away) / (1 + away)
    return float(np.mean(nll.sum(axis=1), dtype=np.float64)), ((likely - y) / len(y)).astype(answers.dtype)


LOSSES = {"numbers": numbers, "classes": classes, "sets": sets}
