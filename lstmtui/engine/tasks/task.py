"""The protocol of a task: data, model, figures, samples and probes of a run.

The trainer calls a task in this order, and is independent of what the task learns:

    task.read_data()                           training, validation and test data
    task.build()                               model, optimizer, evaluator and sampler
    task.initialise()                          weights and states before the first step
    task.gradient(step, regularisers)          the loss of the step's batch, with its gradient in the model
    task.end_step()                            carry states to the next batch, if the model has any
    task.evaluate(), sample(), probe()         periodically
    task.results()                             at the end, with the best weights

A new task is a file in this folder and a line in `lstmtui.engine.tasks`. The weights must depend on the settings and
the step only, so that a resumed run takes the same steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from lstmtui.config import LIVE, RunSettings
from lstmtui.engine.nn.model import Model
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.recurrent import NO_DROPOUT, NO_PENALTY, Dropout, Penalty
from lstmtui.runs.writer import RunWriter

Check = Callable[[], None]
"""Called between units of work; raises if the engine is asked to stop."""
Live = Callable[[str], Any]
"""Returns the present value of a setting by its name."""


class Regularisers(NamedTuple):
    """Dropout and penalties of one step."""

    dropout: Dropout = NO_DROPOUT
    penalty: Penalty = NO_PENALTY


@dataclass(frozen=True, slots=True)
class Figures:
    """Results of an evaluation."""

    values: Mapping[str, float | None]
    """Value by name, as in metrics.jsonl."""
    count: int
    """Number of predictions evaluated; the duration is proportional to it."""
    reached: bool = False
    """Whether the task is learnt, which ends the run."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Output of the model for a person to read."""

    record: Mapping[str, Any]
    """temperature, prompt and text, as in samples.jsonl."""
    status: Mapping[str, Any] = field(default_factory=dict)
    """Fields for status.json."""


class Task(ABC):
    """The task-specific part of a run."""

    decides: ClassVar[str]
    """The figure that decides which weights are the best; `RISING_FIGURES` says where the highest is."""
    live: ClassVar[tuple[str, ...]] = LIVE
    """Settings that can be changed during training."""
    model: Model
    optimizer: Optimizer

    def __init__(self, settings: RunSettings, writer: RunWriter, check: Check) -> None:
        self.settings, self.writer, self.check = settings, writer, check

    # --- prepare --------------------------------------------------------------------------------------------------

    def report(self, what: str, done: float) -> None:
        """Show in the status what is prepared, and what part of it is done."""
        self.writer.status(preparing=what, preparing_done=round(done, 3))
        self.check()

    @abstractmethod
    def read_data(self) -> dict[str, Any]:
        """Read the data, and return its sizes for the event `prepared`. Raises UsageError, CorruptError."""

    @abstractmethod
    def build(self) -> None:
        """Create model, optimizer, evaluator and sampler. Raises UsageError, MemoryError."""

    @abstractmethod
    def initialise(self) -> None:
        """Initialise weights, moments and states."""

    @abstractmethod
    def exercise(self) -> None:
        """Call every kernel of evaluation, sampling and probes once, so that it is compiled."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """Identifies the data; a resumed run must have the same digest."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return the properties in which a checkpoint must match the run that loads it."""

    @property
    def status(self) -> dict[str, Any]:
        """Fields of data and model for status.json, beside the number of parameters."""
        return {}

    # --- train ----------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """Number of steps in one pass over the training data."""

    @property
    @abstractmethod
    def tokens_per_step(self) -> int:
        """Number of training predictions in a step."""

    @abstractmethod
    def epoch(self, step: int) -> int:
        """Return the epoch of step number `step`; both count from 0."""

    @abstractmethod
    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Compute the model's gradients for the batch of step number `step`, from 0, and return the mean loss."""

    def end_step(self) -> None:  # noqa: B027  (optional: a task without states needs none)
        """Prepare the next batch after the update of the weights."""

    def change_live(self, live: Live, shift: int, step: int) -> int:
        """Apply settings changed at step number `step`, and return the `shift` for `restore_live`.

        Raises UsageError and MemoryError, and then changes nothing.
        """
        return shift

    def restore_live(self, live: Live, shift: int) -> None:  # noqa: B027  (optional, as above)
        """Apply the live settings and the `shift` of a restored checkpoint."""

    # --- observe --------------------------------------------------------------------------------------------------

    @property
    def evaluated_tokens(self) -> int:
        """Number of predictions in an evaluation; 0 without validation data."""
        return 0

    @property
    def final_tokens(self) -> int:
        """Number of predictions in all validation and test data."""
        return 0

    @abstractmethod
    def evaluate(self) -> Figures | None:
        """Return the figures of the evaluated weights; None without validation data."""

    @abstractmethod
    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Return a sample of the evaluated weights; `asked` holds a user's `temperature` and `prompt`."""

    def probe_gates(self, step: int) -> None:  # noqa: B027  a task without gates to show writes nothing
        """Write what is quickly read of the gates on the batch of step number `step`, between evaluations."""

    @abstractmethod
    def probe(self, step: int) -> None:
        """Write the probes of gates and gradients on the batch of step number `step`."""

    @abstractmethod
    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the final results for status.json; `share` is the part of the data to evaluate."""
