from __future__ import annotations

import threading
import time

import pytest

from lstmtui.engine.training.waiting import interruptible, is_left_behind


def test_the_result_of_the_work_is_returned():
    assert interruptible(lambda: 3, lambda: None) == 3
    assert not is_left_behind()


def test_exceptions_of_the_work_propagate():
    def work():
        raise MemoryError

    with pytest.raises(MemoryError):
        interruptible(work, lambda: None)


def test_a_check_that_raises_does_not_wait_for_the_work():
    ending = threading.Event()

    def check():
        raise KeyError("enough")

    begun = time.monotonic()
    with pytest.raises(KeyError):
        interruptible(lambda: ending.wait(30), check)
    assert time.monotonic() - begun < 5
    assert is_left_behind()
    ending.set()
