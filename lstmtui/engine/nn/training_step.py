"""One step of training: gradient, norm, check, clip, update. Every network of the engine takes its steps here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena


class Gradient(NamedTuple):
    """What a backward pass found; the gradients themselves stay in their arena."""

    arena: Arena
    loss: float
    norm: float
    """The global norm over all parameters."""

    @property
    def is_finite(self) -> bool:
        """Whether an update with it leaves the weights finite."""
        return math.isfinite(self.loss) and math.isfinite(self.norm)


class Update(NamedTuple):
    """How an update uses a gradient."""

    step: int
    """Counted from 1."""
    lr: float
    clip: float
    """The largest global norm that is not scaled down."""
    weight_decay: float


def compute_gradient(optimizer: Optimizer, gradients: Arena, backward: Callable[[], float]) -> Gradient:
    """Return the gradient that `backward` leaves in `gradients`; it returns the loss."""
    loss = backward()
    return Gradient(gradients, loss, optimizer.norm(gradients))


def apply_gradient(optimizer: Optimizer, gradient: Gradient, update: Update) -> bool:
    """Update the weights, and return whether the gradient had to be clipped."""
    return optimizer.apply(
        gradient.arena,
        norm=gradient.norm,
        step=update.step,
        lr=update.lr,
        clip=update.clip,
        weight_decay=update.weight_decay,
    )


def take_step(optimizer: Optimizer, gradients: Arena, backward: Callable[[], float], update: Update) -> Gradient:
    """Compute and apply in one go; weights stay as they were where the gradient is not finite."""
    found = compute_gradient(optimizer, gradients, backward)
    if found.is_finite:
        apply_gradient(optimizer, found, update)
    return found
