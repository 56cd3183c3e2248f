"""Work shared out among threads: every turn once, whatever the number of threads there are."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from lstm_kernels.jit import threaded
from lstm_kernels.thread_pool import MEETING, MOST, meet


@threaded
def count(k, threads, turns, seen):
    turns[k] += 1
    seen[k] = threads


@threaded
def rows(k, threads, x, factor, pair, out):
    """Arguments of several kinds, an array in two dimensions and a tuple among them."""
    low, high = k * x.shape[0] // threads, (k + 1) * x.shape[0] // threads
    for n in range(low, high):
        out[n] = x[n].sum() * factor + pair[1][n]


@pytest.mark.parametrize("threads", [1, 2, 3, 64, 1000])
def test_every_turn_is_taken_once(threads):
    turns, seen = np.zeros(threads, np.int64), np.zeros(threads, np.int64)
    for _ in range(3):
        count(turns, seen, threads)
    assert (turns == 3).all()
    assert (seen == threads).all()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_arguments_arrive_whole(threads):
    x = np.arange(21.0).reshape(7, 3)
    out = np.zeros(7)
    rows(x, 2.0, (0, np.arange(7.0)), out, threads)
    np.testing.assert_array_equal(out, 2 * x.sum(axis=1) + np.arange(7))
    rows(x[:0], 2.0, (0, np.arange(7.0)), out, threads)  # nothing to do


def test_work_from_several_threads_at_once():
    """Who comes while others work waits for them; nothing is lost or done twice."""
    results, rounds = [np.zeros(3, np.int64) for _ in range(4)], 200

    def work(turns):
        seen = np.zeros(3, np.int64)
        for _ in range(rounds):
            count(turns, seen, 3)

    workers = [threading.Thread(target=work, args=(turns,)) for turns in results]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all((turns == rounds).all() for turns in results)


def test_threads_that_sleep_are_woken():
    """After a pause far longer than they look for work; and after one that may end just when they fall asleep."""
    turns, seen = np.zeros(2, np.int64), np.zeros(2, np.int64)
    pauses = [0.2, *np.linspace(0, 0.01, 60).tolist()]
    for pause in pauses:
        time.sleep(pause)
        count(turns, seen, 2)
    assert (turns == len(pauses)).all()


@threaded
def meet_often(k, threads, times, at, wrong, meeting):
    met = 1
    for n in range(times):
        at[k] = n
        met = meet(meeting, threads, met)
        for other in range(threads):
            if at[other] != n:
                wrong[k] += 1
        met = meet(meeting, threads, met)


def test_threads_meet():
    threads = MOST
    at, wrong = np.full(threads, -1, np.int64), np.zeros(threads, np.int64)
    meet_often(2000, at, wrong, np.zeros(MEETING, np.int64), threads)
    assert (at == 1999).all()
    assert (wrong == 0).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_threads_of_its_own():
    turns, seen = np.zeros(2, np.int64), np.zeros(2, np.int64)
    count(turns, seen, 2)
    child = os.fork()
    if child == 0:
        count(turns, seen, 2)
        os._exit(0 if (turns == 2).all() else 1)
    deadline = time.monotonic() + 30
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ended[1] == 0
