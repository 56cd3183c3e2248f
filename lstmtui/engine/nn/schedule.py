"""Learning rate and dropout as functions of the step, so that a resumed run follows the same curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Turn(NamedTuple):
    """Where the length of a run was chosen anew on the way; the curve goes on from where it stood."""

    step: int
    """The last step of the old length."""
    behind: float
    """Part of the way from the peak to the end that lay behind then."""
    steps: int
    """How many steps the run is to take in all, from then on."""


def warmup_steps(warmup: int, steps: int) -> int:
    """Return the steps of warm-up: never more than a tenth of all that were planned first."""
    return min(warmup, max(1, steps // 10))


def fraction_done(step: int, *, steps: int, warmup: int, turns: Sequence[Turn] = ()) -> float:
    """Return the part of the way from the peak to the end that lies behind at `step`, 0 to 1, after the warm-up.

    steps   planned first
    turns   in the order of their steps
    """
    begin, done, end = warmup_steps(warmup, steps), 0.0, steps
    for turn in turns:
        if turn.step < step:
            begin, done, end = turn
    return done + (1 - done) * min(1.0, (step - begin) / max(1, end - begin))


def lr_factor(step: int, *, steps: int, warmup: int, kind: str, end: float, turns: Sequence[Turn] = ()) -> float:
    """Return the fraction of the peak learning rate for step 1 .. `steps`, or as many as the last turn says.

    Linear warm-up, then flat, or half a cosine down to `end` (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """
    rising = warmup_steps(warmup, steps)
    if step <= rising:
        return step / rising
    if kind == "constant":
        return 1.0
    done = fraction_done(step, steps=steps, warmup=warmup, turns=turns)
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * done))


MIN_DROPOUT_SHARE = 0.1
"""The part of a rising dropout that is there from the first step on."""


def dropout_factor(done: float, part: float) -> float:
    """Return the fraction of a dropout that is in force when `done` of the run lies behind, which rises over `part`.

    What was read once or twice is not memorised yet, and needs less of it: curriculum dropout (Morerio et al.
    2017, arXiv:1703.06229), whose curve is steeper at first.
    """
    done = max(0.0, done)  # below 0 in the warm-up
    return 1.0 if done >= part else MIN_DROPOUT_SHARE + (1 - MIN_DROPOUT_SHARE) * done / part
