"""Interruptible waiting for a call that blocks signals, such as minutes in a compiled library."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

CHECK_SECONDS = 0.1
"""Seconds between two calls of `check`."""
THREAD = "uninterruptible"


def interruptible(work: Callable[[], T], check: Callable[[], object]) -> T:
    """Return `work()`, and call `check` periodically meanwhile; exceptions of either propagate.

    The work runs in another thread. If `check` raises, that thread runs on until the process ends (`is_left_behind`).
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name=THREAD, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(CHECK_SECONDS)
        check()
    if errors:
        raise errors[0]
    return results[0]


def is_left_behind() -> bool:
    """Return whether abandoned work is still running, which prevents a normal exit of the interpreter."""
    return any(thread.name == THREAD for thread in threading.enumerate())
