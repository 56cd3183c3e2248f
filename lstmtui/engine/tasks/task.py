"""What a network is trained for: the data of a run, its model, figures, samples and probes.

The trainer drives a task and knows nothing of what is learnt:

    task.read_data()                           what is trained on, evaluated on and tested on
    task.build()                               the model, its optimizer, and what evaluates and samples
    task.initialise()                          weights and states before the first step
    task.gradient(step, regularisers)          the loss of the step's batch, and its gradient in the model
    task.end_step()                            states are carried on, where they are
    task.evaluate(), sample(), probe()         now and then
    task.results()                             at the end, with the best weights

A new task is a file beside this one and a line in `lstmtui.engine.tasks`. Whatever decides the weights follows from the
settings and the step alone, so that a resumed run takes the same steps.
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
"""Called between pieces of work; raises when the engine is asked to stop."""
Live = Callable[[str], Any]
"""Returns a setting by its name, as it is now."""


class Regularisers(NamedTuple):
    """What keeps a step from memorising its batch."""

    dropout: Dropout = NO_DROPOUT
    penalty: Penalty = NO_PENALTY


@dataclass(frozen=True, slots=True)
class Figures:
    """What an evaluation found."""

    values: Mapping[str, float | None]
    """By name, as metrics.jsonl has them."""
    count: int
    """Predictions that were evaluated; their number decides how long it takes."""
    reached: bool = False
    """Whether the task is learnt, so that the run ends here."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Something that the model wrote or answered, for a person to read."""

    record: Mapping[str, Any]
    """temperature, prompt and text, as samples.jsonl has them."""
    status: Mapping[str, Any] = field(default_factory=dict)
    """What status.json says of it."""


class Task(ABC):
    """The part of a run that depends on what is learnt."""

    decides: ClassVar[str]
    """The figure of an evaluation that says which weights are the best; the lowest is."""
    live: ClassVar[tuple[str, ...]] = LIVE
    """Settings that can be changed while it trains."""
    model: Model
    optimizer: Optimizer

    def __init__(self, settings: RunSettings, writer: RunWriter, check: Check) -> None:
        self.settings, self.writer, self.check = settings, writer, check

    # --- prepare --------------------------------------------------------------------------------------------------

    @abstractmethod
    def read_data(self) -> dict[str, Any]:
        """Read the data, and return its sizes for the event `prepared`. Raises UsageError, CorruptError."""

    @abstractmethod
    def build(self) -> None:
        """Make model, optimizer, evaluator and sampler. Raises UsageError, MemoryError."""

    @abstractmethod
    def initialise(self) -> None:
        """Set weights, moments and states to what they are before the first step."""

    @abstractmethod
    def exercise(self) -> None:
        """Call every kernel once that evaluating, sampling and probing call, so that it is compiled."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """What identifies the data; a run that is resumed must find the same."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return what a checkpoint must agree on with the run that loads it."""

    @property
    def status(self) -> dict[str, Any]:
        """What status.json says of data and model, beside the number of parameters."""
        return {}

    # --- train ----------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """How many steps read all of the training data once."""

    @property
    @abstractmethod
    def tokens_per_step(self) -> int:
        """How many predictions a step learns from."""

    @abstractmethod
    def epoch(self, step: int) -> int:
        """Return the epoch, from 0, that step number `step`, from 0, belongs to."""

    @abstractmethod
    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Fill the model's gradients for the batch of step number `step`, from 0, and return the mean loss."""

    def end_step(self) -> None:  # noqa: B027  (a task without states has nothing to do)
        """Go on to the next batch, once the weights have been updated."""

    def change_live(self, live: Live, shift: int, step: int) -> int:
        """Go by settings that were changed at step number `step`, and return the `shift` that `restore_live` needs.

        Raises UsageError and MemoryError, with nothing changed.
        """
        return shift

    def restore_live(self, live: Live, shift: int) -> None:  # noqa: B027  (nor one with batches of its own)
        """Go by the settings of a checkpoint that was restored, and by the `shift` that it holds."""

    # --- observe --------------------------------------------------------------------------------------------------

    @property
    def evaluated_tokens(self) -> int:
        """How many predictions an evaluation makes; 0 where there is nothing to evaluate on."""
        return 0

    @property
    def final_tokens(self) -> int:
        """How many predictions `results` makes of all validation and test data."""
        return 0

    @abstractmethod
    def evaluate(self) -> Figures | None:
        """Return the figures of the evaluated weights; None where there is nothing to evaluate on."""

    @abstractmethod
    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Return what the evaluated weights write; `asked` are a person's own `temperature` and `prompt`."""

    @abstractmethod
    def probe(self, step: int) -> None:
        """Write what gates and gradients do on the batch of step number `step`."""

    @abstractmethod
    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return what status.json says at the end; `share` is the part of the data that there is time to read."""
