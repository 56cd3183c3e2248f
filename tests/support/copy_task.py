"""A task that lives in the tests alone: name the next symbol of sequences of unlike lengths.

A bidirectional layer over padded batches knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.backend import Packed, linear, softmax
from lstmtui.engine.nn import bidirectional
from lstmtui.engine.nn.bidirectional import Bidirectional
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, Parameter, decayed_first, uniform, zeros
from lstmtui.engine.tasks.task import Figures, Live, Regularisers, Sample, Task

Array = np.ndarray[Any, Any]
T, SYMBOLS = 7, 4


class CopyModel:
    """One bidirectional layer and a linear layer over its outputs; padded steps have no loss."""

    def __init__(self, s: RunSettings, weights: Arena, gradients: Arena, B: int) -> None:
        self.weights, self.gradients = weights, gradients
        self.encoder = Bidirectional(
            s.network.cell, weights, T, B, precision="float32", threads=s.run.threads, gradients=gradients
        )
        self._W = Packed(2 * s.network.hidden, SYMBOLS, "float32")
        self._doutputs = np.zeros((T, B, 2 * s.network.hidden), np.float32)

    def states(self) -> dict[str, Array]:
        """Return nothing: batches are independent."""
        return {}

    def set_states(self, states: dict[str, Array]) -> None:
        """Take nothing."""

    def gradient(self, x: Array, y: Array, lengths: Array, regularisers: Regularisers) -> tuple[float, Array]:
        """Fill the gradients; return the mean loss of the real steps, and the answers there."""
        w, g, real = self.weights, self.gradients, np.arange(T)[:, None] < lengths
        self.encoder.draw(regularisers.dropout)
        self.encoder.set_lengths(lengths)
        self.encoder.pack()
        self.encoder.prepare()
        self._W.pack_transposed(w["answer.W"], 1)
        rows = self.encoder.forward(x)[real]
        answers, nll = np.zeros((len(rows), SYMBOLS), np.float32), np.zeros(len(rows), np.float32)
        linear.forward(rows, self._W, w["answer.b"], answers, 1)
        said = answers.argmax(axis=1)
        softmax.cross_entropy(answers, y[real], nll, 1 / len(rows), 1)
        drows = np.zeros_like(rows)
        linear.backward_weights(answers, rows, g["answer.W"], g["answer.b"], "float32", 1)
        linear.backward_input(answers, w["answer.W"], drows, "float32", 1)
        self._doutputs.fill(0)
        self._doutputs[real] = drows
        self.encoder.backward(self._doutputs, x)
        self.encoder.finish()
        return float(nll.mean()), said


class CopyTask(Task):
    """Everything that a task needs, and nothing outside this file."""

    decides = "loss"
    live = ("lr", "clip", "weight_decay", "dropout", "dropout_in", "weight_drop", "activation_reg", "temporal_reg")
    model: CopyModel

    def read_data(self) -> dict[str, Any]:
        """Make nothing: batches follow from the step."""
        return {"symbols": SYMBOLS}

    def build(self) -> None:
        """Make the model."""
        s, H = self.settings, self.settings.network.hidden
        layout = bidirectional.parameters("encoder", s, 1, SYMBOLS)
        layout += [
            Parameter("answer.W", (SYMBOLS, 2 * H), uniform(0.3), decays=True),
            Parameter("answer.b", (SYMBOLS,), zeros, decays=False),
        ]
        self.weights = Arena(decayed_first(layout))
        self.optimizer = Optimizer(s, self.weights, 1)
        self.model = CopyModel(s, self.weights, Arena(self.weights.layout), s.length.batch)

    def initialise(self) -> None:
        """Draw the weights."""
        self.weights.initialise(self.settings.run.seed)
        self.optimizer.reset()

    def exercise(self) -> None:
        """Call nothing beyond a step."""

    @property
    def digest(self) -> str:
        """Always the same."""
        return "copy"

    def identity(self) -> dict[str, Any]:
        """Return what shapes the weights."""
        return {"hidden": self.settings.network.hidden}

    @property
    def steps_per_epoch(self) -> int:
        """Ten batches."""
        return 10

    @property
    def tokens_per_step(self) -> int:
        """All places of a batch."""
        return T * self.settings.length.batch

    def epoch(self, step: int) -> int:
        """Return the tens of the step."""
        return step // 10

    def batch(self, *stream: int) -> tuple[Array, Array, Array]:
        """Return x (T, B, SYMBOLS), the next symbols (T, B) and lengths (B,)."""
        random, B = np.random.default_rng([self.settings.run.seed, *stream]), self.settings.length.batch
        symbols, lengths = random.integers(0, SYMBOLS, (T, B)), random.integers(1, T + 1, B).astype(np.int32)
        following = np.roll(symbols, -1, axis=0)
        following[lengths - 1, np.arange(B)] = 0  # the last symbol is followed by none
        return np.eye(SYMBOLS, dtype=np.float32)[symbols], following.astype(np.int32), lengths

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Learn from the batch of a step."""
        return self.model.gradient(*self.batch(1, step), regularisers)[0]

    def evaluate(self) -> Figures | None:
        """Return the loss on a batch of its own."""
        loss, _ = self.model.gradient(*self.batch(2), Regularisers())
        return Figures({"loss": loss}, self.tokens_per_step)

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Return the first answers."""
        _, said = self.model.gradient(*self.batch(2), Regularisers())
        return Sample({"temperature": 0.0, "prompt": "", "text": " ".join(map(str, said[:9]))})

    def probe(self, step: int) -> None:
        """Write nothing."""

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the loss."""
        return {"valid": dict(self.evaluate().values)}
