"""Learning rate and dropout as functions of the step, so that a resumed run follows the same curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Turn(NamedTuple):
    """A change of the run's length during training; the learning-rate curve continues from its value at that step."""

    step: int
    """The last step with the old length."""
    behind: float
    """Fraction of the decay, from peak to end, done at that step."""
    steps: int
    """The new total number of steps."""


def warmup_steps(warmup: int, steps: int) -> int:
    """Return the steps of warm-up: at most a tenth of the steps first planned."""
    return min(warmup, max(1, steps // 10))


def fraction_done(step: int, *, steps: int, warmup: int, turns: Sequence[Turn] = ()) -> float:
    """Return the fraction of the decay, from peak to end, done at `step`; from 0 to 1 after the warm-up.

    steps   number of steps first planned
    turns   in the order of their steps
    """
    begin, done, end = warmup_steps(warmup, steps), 0.0, steps
    for turn in turns:
        if turn.step < step:
            begin, done, end = turn
    return done + (1 - done) * min(1.0, (step - begin) / max(1, end - begin))


def lr_factor(step: int, *, steps: int, warmup: int, kind: str, end: float, turns: Sequence[Turn] = ()) -> float:
    """Return the fraction of the peak learning rate at a step, from 1 to `steps`, or to the steps of the last turn.

    Linear warm-up, then constant, or half a cosine down to `end` (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """
    rising = warmup_steps(warmup, steps)
    if step <= rising:
        return step / rising
    if kind == "constant":
        return 1.0
    done = fraction_done(step, steps=steps, warmup=warmup, turns=turns)
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * done))


MIN_DROPOUT_SHARE = 0.1
"""Fraction of a rising dropout at the first step."""


def dropout_factor(done: float, part: float) -> float:
    """Return the fraction of a dropout in force when the fraction `done` of the run is over; it rises over `part`.

    Early in training little is memorised and less dropout is needed: curriculum dropout (Morerio et al. 2017,
    arXiv:1703.06229), whose curve is steeper at first.
    """
    done = max(0.0, done)  # negative in the warm-up
    return 1.0 if done >= part else MIN_DROPOUT_SHARE + (1 - MIN_DROPOUT_SHARE) * done / part
