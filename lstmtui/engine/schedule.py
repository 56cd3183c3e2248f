"""The learning rate as a function of the step, so that a resumed run follows the same curve."""

from __future__ import annotations

import math


def factor(step: int, *, steps: int, warmup: int, kind: str, end: float) -> float:
    """Return the fraction of the peak learning rate for step 1 .. `steps`.

    Linear warm-up over `warmup` steps (never more than a tenth of all), then flat, or half a cosine down to `end`
    (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """
    warmup = min(warmup, max(1, steps // 10))
    if step <= warmup:
        return step / warmup
    if kind == "constant":
        return 1.0
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * done))
