"""One training step: gradient, norm, check, clip, update. All training in the engine uses it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena


class Gradient(NamedTuple):
    """Loss and norm of a backward pass; the gradients stay in their arena."""

    arena: Arena
    loss: float
    norm: float
    """The global norm over all parameters."""

    @property
    def is_finite(self) -> bool:
        """Whether loss and norm are finite, so that an update keeps the weights finite."""
        return math.isfinite(self.loss) and math.isfinite(self.norm)


class Update(NamedTuple):
    """Hyperparameters of one update."""

    step: int
    """Counted from 1."""
    lr: float
    clip: float
    """Maximum global norm; larger gradients are scaled down to it."""
    weight_decay: float


def compute_gradient(optimizer: Optimizer, gradients: Arena, backward: Callable[[], float]) -> Gradient:
    """Run `backward`, which fills `gradients` and returns the loss, and return the gradient with its norm."""
    loss = backward()
    return Gradient(gradients, loss, optimizer.norm(gradients))


def apply_gradient(optimizer: Optimizer, gradient: Gradient, update: Update) -> bool:
    """Update the weights, and return whether the gradient was clipped."""
    return optimizer.apply(
        gradient.arena,
        norm=gradient.norm,
        step=update.step,
        lr=update.lr,
        clip=update.clip,
        weight_decay=update.weight_decay,
    )


def take_step(optimizer: Optimizer, gradients: Arena, backward: Callable[[], float], update: Update) -> Gradient:
    """Compute and apply a gradient; a non-finite one leaves the weights unchanged."""
    gradient = compute_gradient(optimizer, gradients, backward)
    if gradient.is_finite:
        apply_gradient(optimizer, gradient, update)
    return gradient
