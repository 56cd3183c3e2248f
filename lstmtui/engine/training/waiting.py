"""Waiting for a call that no signal gets into, such as one of a compiled library that takes minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

CHECK_SECONDS = 0.1
"""Seconds between looks whether somebody wants it to end."""
THREAD = "uninterruptible"


def interruptible(work: Callable[[], T], check: Callable[[], object]) -> T:
    """Return `work()`, and call `check` while that goes on; what either raises is raised.

    The work is done in another thread. Where `check` raises, that goes on until the process ends (`is_left_behind`).
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name=THREAD, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(CHECK_SECONDS)
        check()
    if failed:
        raise failed[0]
    return done[0]


def is_left_behind() -> bool:
    """Return whether such work still goes on, so that the interpreter cannot be taken down in the usual way."""
    return any(thread.name == THREAD for thread in threading.enumerate())
