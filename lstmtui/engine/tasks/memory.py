"""The classic memory tasks: generated sequences whose targets depend on inputs many steps before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmtui.data.memory_tasks import Batch, Problem, problem
from lstmtui.engine.analysis import gate_statistics
from lstmtui.engine.backend import device
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.sequence_model import LOSSES, SequenceModel, parameters
from lstmtui.engine.tasks.task import Figures, Live, Regularisers, Sample, Task

Array = np.ndarray[Any, Any]

TRAIN, TEST, VALID = 1, 2, 3
"""Random streams of one seed for the sequences of training, of the final test and of validation."""
VALID_SEQUENCES = 200
"""Number of sequences in the validation loss."""
SHOWN_ANSWERS = 12
"""Number of outputs shown in a sample."""


class MemoryTask(Task):
    """Trains a network on one problem until it is learnt or all steps are taken."""

    decides = "loss"
    live = ("weight_decay", "lr", "clip", "dropout", "dropout_in", "weight_drop", "activation_reg", "temporal_reg")
    model: SequenceModel
    problem: Problem

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Create the problem, which generates sequences on demand."""
        s = self.settings
        self.problem = problem(s.data.corpus[0], s.memory.memory_length)
        return {"inputs": self.problem.inputs, "outputs": self.problem.outputs}

    def build(self) -> None:
        """Create weights, optimizer, and a model with the shape of the first batch. Raises MemoryError."""
        s, p = self.settings, self.problem
        device("cpu")
        self.weights = Arena(parameters(s, p.inputs, p.outputs))
        self._gradients = Arena(self.weights.layout)
        self.optimizer = Optimizer(s, self.weights, s.run.threads)
        self.model = self._model(self._batch(0), None)
        self._evaluation_model: SequenceModel | None = None

    def initialise(self) -> None:
        """Draw the weights."""
        self.weights.initialise(self.settings.run.seed)
        self.optimizer.reset()

    def exercise(self) -> None:
        """Judge the network and compute the validation loss once."""
        self.problem.judge(self._answers, self._random(VALID), whole=False)
        self._validation_loss()

    @property
    def digest(self) -> str:
        """Name and length of the problem."""
        return f"{self.settings.data.corpus[0]} {self.settings.memory.memory_length}"

    def identity(self) -> dict[str, Any]:
        """Return the settings that shape the weights, and the problem."""
        names = ("cell", "layers", "hidden", "optimizer")
        return {**{name: self.settings.value(name) for name in names}, "problem": self.digest}

    # --- train ----------------------------------------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        """All steps of the run: sequences never repeat, so it is one epoch."""
        return self.settings.length.steps or 1

    @property
    def tokens_per_step(self) -> int:
        """Number of sequences in a batch."""
        return self.settings.length.batch

    def epoch(self, step: int) -> int:
        """Return 0."""
        return 0

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Train on a batch that is determined by seed and step."""
        batch = self._batch(step)
        self.model = self._model(batch, self.model)
        return self.model.gradient(batch, *regularisers)

    def _batch(self, step: int) -> Batch:
        return self.problem.batch(self._random(TRAIN, step), self.settings.length.batch)

    def _random(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.settings.run.seed, *stream])

    def _model(self, batch: Batch, model: SequenceModel | None) -> SequenceModel:
        """Return `model` if it has the shape of the batch, else a new one with that shape."""
        T, B = batch.asked.shape
        if model is not None and (model.T, model.B) == (T, B):
            return model
        return SequenceModel(self.settings, self.weights, self.problem.kind, T, B, gradients=self._gradients)

    # --- observe --------------------------------------------------------------------------------------------------

    def _answers(self, batch: Batch) -> Array:
        """Return the outputs (N, K) of the evaluated weights."""
        T, B = batch.asked.shape
        if self._evaluation_model is None or (self._evaluation_model.T, self._evaluation_model.B) != (T, B):
            self._evaluation_model = SequenceModel(self.settings, self.optimizer.evaluated, self.problem.kind, T, B)
        return self._evaluation_model.answers(batch)

    def _validation_loss(self) -> float:
        batch = self.problem.batch(self._random(VALID, 0), VALID_SEQUENCES)
        loss, _ = LOSSES[self.problem.kind](self._answers(batch).copy(), batch.y, self.settings.run.threads)
        return loss

    def evaluate(self) -> Figures | None:
        """Judge the network on a few unseen sequences, and if it passes, on the full test."""
        verdict = self.problem.judge(self._answers, self._random(VALID), whole=False)
        if verdict.passed:
            verdict = self.problem.judge(self._answers, self._random(TEST), whole=True)
        values = {"loss": self._validation_loss(), "figure": verdict.figure}
        self.writer.status(verdict=verdict.description)
        return Figures(values, VALID_SEQUENCES, reached=verdict.passed)

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Return the network's outputs for one sequence next to the targets."""
        stream = (VALID, step) if asked is None else (int(np.random.default_rng().integers(1 << 31)),)
        batch = self.problem.batch(self._random(*stream), 1)
        outputs, targets = self._answers(batch)[-SHOWN_ANSWERS:], batch.y[-SHOWN_ANSWERS:]
        text = f"right     {_format_answers(self.problem, targets)}\nanswered  {_format_answers(self.problem, outputs)}"
        return Sample({"temperature": 0.0, "prompt": "", "text": text})

    def probe_gates(self, step: int) -> None:
        """Write saturation and gates of the next batch."""
        batch = self._batch(step)
        self._answers(batch)
        assert self._evaluation_model is not None
        gates = self._evaluation_model.cell.gate_names
        self.writer.saturation(step, gates, **gate_statistics.saturation(self._evaluation_model))
        inputs = batch.x[:, 0].argmax(axis=1).astype(np.int32)
        self.writer.window(step, gates, gate_statistics.gate_window(self._evaluation_model), inputs)

    def probe(self, step: int) -> None:
        """Write saturation and gates of the next batch."""
        self.probe_gates(step)

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the verdict on unseen sequences."""
        verdict = self.problem.judge(self._answers, self._random(TEST), whole=True)
        return {
            "passed": verdict.passed,
            "figure": verdict.figure,
            "verdict": verdict.description,
            "sequences": step * self.settings.length.batch,
            "parameters": self.weights.count,
        }


def _format_answers(problem: Problem, answers: Array) -> str:
    """Format the outputs (N, K) of a network, or the targets of a batch, as text."""
    names = problem.answer_names or "0123456789"
    if problem.kind == "numbers":
        return "  ".join(f"{float(answer[0]):.3f}" for answer in answers)
    if problem.kind == "classes":
        symbols = answers.argmax(axis=1) if answers.ndim == 2 else answers
        return " ".join(names[int(symbol)] for symbol in symbols)
    return " ".join("".join(names[k] for k in np.flatnonzero(answer > 0)) or "-" for answer in answers)
