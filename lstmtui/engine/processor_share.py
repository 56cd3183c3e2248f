"""Keeps a process that works in the background to a share of one core, by resting after each piece of work."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

LOWEST_NICENESS = 19


class ProcessorShare:
    """Says how long to rest; a piece of work itself is not interrupted."""

    def __init__(
        self,
        share: float,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        """`share` is a fraction of one core; `clock` and `used` return seconds, those of processor time are `used`."""
        self._share, self._clock, self._used = share, clock, used
        self._began, self._used_before = clock(), used()

    def rest(self) -> float:
        """Return how many seconds to rest after the work since the last call, which are taken to be rested."""
        now, used = self._clock(), self._used()
        rest = max(0.0, (used - self._used_before) / self._share - (now - self._began))
        self._began, self._used_before = now + rest, used
        return rest


def give_way() -> None:
    """Let every other process go first."""
    with contextlib.suppress(OSError):
        os.nice(LOWEST_NICENESS)
