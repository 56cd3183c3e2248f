"""What tasks on separate examples share: pairs of sentences, recordings, pictures, in batches of like length.

A batch follows from its step, and no state carries over from one to the next.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Generic, Literal, Protocol, TypeVar

from lstmtui.data.batches import Position
from lstmtui.engine.tasks.task import Task

Batch = TypeVar("Batch")
BatchMade = TypeVar("BatchMade", covariant=True)
PartName = Literal["train", "valid", "test"]


class ExampleBatches(Protocol[BatchMade]):
    """The batches of training examples."""

    @property
    def batches(self) -> int:
        """How many batches make an epoch."""

    def position(self, step: int) -> Position:
        """Return the epoch, and the batch in it, of a training step."""

    def batch(self, epoch: int, k: int) -> BatchMade:
        """Return batch k of an epoch."""


class ExampleTask(Task, Generic[Batch]):
    """A task on batches of examples."""

    decides = "nll"
    live = ("weight_decay", "lr", "clip", "dropout", "dropout_in", "weight_drop")
    batches: ExampleBatches[Batch]

    @abstractmethod
    def targets(self, part: PartName) -> int:
        """Return the number of predictions in one pass over a part of the data; 0 where there is none."""

    def note(self, sentences: Iterable[str]) -> None:
        """Tell a person what is special about the data."""
        for sentence in sentences:
            self.writer.event("noted", message=sentence)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of all examples."""
        return self.batches.batches

    @property
    def tokens_per_step(self) -> int:
        """Mean number of targets of a batch."""
        return max(1, self.targets("train") // self.batches.batches)

    def epoch(self, step: int) -> int:
        """Return the pass over the examples that the step belongs to."""
        return self.batches.position(step).epoch

    def batch(self, step: int) -> Batch:
        """Return the batch of a training step."""
        return self.batches.batch(*self.batches.position(step))

    @property
    def evaluated_tokens(self) -> int:
        """Number of validation targets."""
        return self.targets("valid")

    @property
    def final_tokens(self) -> int:
        """Number of validation and test targets."""
        return self.targets("valid") + self.targets("test")
