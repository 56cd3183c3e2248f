"""The classic tests of memory: sequences that are made, not read, with answers that need what came long before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmtui.data.memory_tasks import Batch, Problem, Verdict, problem
from lstmtui.engine.analysis import gate_statistics
from lstmtui.engine.backend import device
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.sequence_model import LOSSES, SequenceModel, parameters
from lstmtui.engine.tasks.task import Figures, Live, Regularisers, Sample, Task

Array = np.ndarray[Any, Any]

TRAIN, TEST, VALID = 1, 2, 3
"""Streams of random numbers of one seed: what is trained on, what the result is of, what is evaluated on the way."""
VALID_SEQUENCES = 200
"""Sequences that the loss of an evaluation is the mean of."""
SHOWN_ANSWERS = 12
"""Answers of a sequence that a sample shows."""


class MemoryTask(Task):
    """Trains a network on one problem until it is learnt, or the steps are over."""

    decides = "loss"
    live = ("weight_decay", "lr", "clip", "dropout", "dropout_in", "weight_drop", "activation_reg", "temporal_reg")
    model: SequenceModel
    problem: Problem

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Make the problem; its sequences are made as they are needed."""
        s = self.settings
        self.problem = problem(s.data.corpus[0], s.memory.memory_length)
        self._decided: tuple[int, Verdict] = (-1, Verdict(False, float("nan"), ""))
        return {"inputs": self.problem.inputs, "outputs": self.problem.outputs}

    def build(self) -> None:
        """Make weights, optimizer and a model of the first batch's shape. Raises MemoryError."""
        s, p = self.settings, self.problem
        device("cpu")
        self.weights = Arena(parameters(s, p.inputs, p.outputs))
        self._gradients = Arena(self.weights.layout)
        self.optimizer = Optimizer(s, self.weights, s.run.threads)
        self.model = self._model(self._batch(0), None)
        self._reads: SequenceModel | None = None

    def initialise(self) -> None:
        """Draw the weights."""
        self.weights.initialise(self.settings.run.seed)
        self.optimizer.reset()

    def exercise(self) -> None:
        """Judge and probe once."""
        self.problem.judge(self._answers, self._random(VALID), whole=False)
        self._validation_loss()

    @property
    def digest(self) -> str:
        """The problem and its length."""
        return f"{self.settings.data.corpus[0]} {self.settings.memory.memory_length}"

    def identity(self) -> dict[str, Any]:
        """Return the settings that shape the weights, and the problem."""
        names = ("cell", "layers", "hidden", "optimizer")
        return {**{name: self.settings.value(name) for name in names}, "problem": self.digest}

    # --- train ----------------------------------------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        """Sequences never come again: the run is one epoch."""
        return self.settings.length.steps or 1

    @property
    def tokens_per_step(self) -> int:
        """The sequences of a batch."""
        return self.settings.length.batch

    def epoch(self, step: int) -> int:
        """Return 0."""
        return 0

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Learn from a batch that follows from seed and step."""
        batch = self._batch(step)
        self.model = self._model(batch, self.model)
        return self.model.gradient(batch, *regularisers)

    def _batch(self, step: int) -> Batch:
        return self.problem.batch(self._random(TRAIN, step), self.settings.length.batch)

    def _random(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.settings.run.seed, *stream])

    def _model(self, batch: Batch, held: SequenceModel | None) -> SequenceModel:
        """Return `held` where it has the shape of the batch, else one that has."""
        T, B = batch.asked.shape
        if held is not None and (held.T, held.B) == (T, B):
            return held
        return SequenceModel(self.settings, self.weights, self.problem.kind, T, B, gradients=self._gradients)

    # --- observe --------------------------------------------------------------------------------------------------

    def _answers(self, batch: Batch) -> Array:
        """Return the answers (N, K) of the evaluated weights."""
        T, B = batch.asked.shape
        if self._reads is None or (self._reads.T, self._reads.B) != (T, B):
            self._reads = SequenceModel(self.settings, self.optimizer.evaluated, self.problem.kind, T, B)
        return self._reads.answers(batch)

    def _validation_loss(self) -> float:
        batch = self.problem.batch(self._random(VALID, 0), VALID_SEQUENCES)
        loss, _ = LOSSES[self.problem.kind](self._answers(batch).copy(), batch.y, self.settings.run.threads)
        return loss

    def evaluate(self) -> Figures | None:
        """Judge the network on sequences it never learnt from; where it passes on a few, on all of them."""
        verdict = self.problem.judge(self._answers, self._random(VALID), whole=False)
        if verdict.passed:
            verdict = self.problem.judge(self._answers, self._random(TEST), whole=True)
        values = {"loss": self._validation_loss(), "figure": verdict.figure}
        self.writer.status(verdict=verdict.told)
        return Figures(values, VALID_SEQUENCES, reached=verdict.passed)

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Return how the network answers a sequence, beside what is right."""
        stream = (VALID, step) if asked is None else (int(np.random.default_rng().integers(1 << 31)),)
        batch = self.problem.batch(self._random(*stream), 1)
        given, right = self._answers(batch)[-SHOWN_ANSWERS:], batch.y[-SHOWN_ANSWERS:]
        text = f"right     {_in_words(self.problem, right)}\nanswered  {_in_words(self.problem, given)}"
        return Sample({"temperature": 0.0, "prompt": "", "text": text})

    def probe(self, step: int) -> None:
        """Write saturation and one window of gates, on the batch that comes next."""
        batch = self._batch(step)
        self._answers(batch)
        assert self._reads is not None
        gates = self._reads.cell.gate_names
        self.writer.saturation(step, gates, *gate_statistics.saturation(self._reads))
        inputs = batch.x[:, 0].argmax(axis=1).astype(np.int32)
        self.writer.window(step, gates, gate_statistics.gate_window(self._reads), inputs)

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the verdict on sequences never learnt from."""
        verdict = self.problem.judge(self._answers, self._random(TEST), whole=True)
        return {
            "passed": verdict.passed,
            "figure": verdict.figure,
            "verdict": verdict.told,
            "sequences": step * self.settings.length.batch,
            "parameters": self.weights.count,
        }


def _in_words(problem: Problem, answers: Array) -> str:
    """Return answers (N, K) of a network, or right ones as a batch has them, for a person to read."""
    names = problem.answer_names or "0123456789"
    if problem.kind == "numbers":
        return "  ".join(f"{float(answer[0]):.3f}" for answer in answers)
    if problem.kind == "classes":
        chosen = answers.argmax(axis=1) if answers.ndim == 2 else answers
        return " ".join(names[int(symbol)] for symbol in chosen)
    return " ".join("".join(names[k] for k in np.flatnonzero(answer > 0)) or "-" for answer in answers)
