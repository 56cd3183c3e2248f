"""The thread pool runs every chunk once, whatever the number of threads."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from lstm_kernels.jit import threaded
from lstm_kernels.thread_pool import BARRIER_WORDS, MAX_THREADS, barrier


@threaded
def count(k, threads, calls, seen):
    calls[k] += 1
    seen[k] = threads


@threaded
def rows(k, threads, x, factor, pair, out):
    """Takes arguments of several kinds, among them a two-dimensional array and a tuple."""
    low, high = k * x.shape[0] // threads, (k + 1) * x.shape[0] // threads
    for n in range(low, high):
        out[n] = x[n].sum() * factor + pair[1][n]


@pytest.mark.parametrize("threads", [1, 2, 3, 64, 1000])
def test_every_chunk_runs_once(threads):
    calls, seen = np.zeros(threads, np.int64), np.zeros(threads, np.int64)
    for _ in range(3):
        count(calls, seen, threads)
    assert (calls == 3).all()
    assert (seen == threads).all()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_arguments_of_every_kind_reach_the_function(threads):
    x = np.arange(21.0).reshape(7, 3)
    out = np.zeros(7)
    rows(x, 2.0, (0, np.arange(7.0)), out, threads)
    np.testing.assert_array_equal(out, 2 * x.sum(axis=1) + np.arange(7))
    rows(x[:0], 2.0, (0, np.arange(7.0)), out, threads)  # nothing to do


def test_several_python_threads_can_use_the_pool_at_once():
    """A caller waits while another uses the pool; no chunk is lost or runs twice."""
    results, rounds = [np.zeros(3, np.int64) for _ in range(4)], 200

    def work(calls):
        seen = np.zeros(3, np.int64)
        for _ in range(rounds):
            count(calls, seen, 3)

    workers = [threading.Thread(target=work, args=(calls,)) for calls in results]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all((calls == rounds).all() for calls in results)


def test_sleeping_workers_wake():
    """After a pause far longer than they spin, and after pauses that may end just as they fall asleep."""
    calls, seen = np.zeros(2, np.int64), np.zeros(2, np.int64)
    pauses = [0.2, *np.linspace(0, 0.01, 60).tolist()]
    for pause in pauses:
        time.sleep(pause)
        count(calls, seen, 2)
    assert (calls == len(pauses)).all()


@threaded
def pass_barriers(k, threads, times, at, wrong, arrivals):
    rounds = 1
    for n in range(times):
        at[k] = n
        rounds = barrier(arrivals, threads, rounds)
        for other in range(threads):
            if at[other] != n:
                wrong[k] += 1
        rounds = barrier(arrivals, threads, rounds)


def test_no_thread_passes_a_barrier_before_all_have_arrived():
    threads = MAX_THREADS
    at, wrong = np.full(threads, -1, np.int64), np.zeros(threads, np.int64)
    pass_barriers(2000, at, wrong, np.zeros(BARRIER_WORDS, np.int64), threads)
    assert (at == 1999).all()
    assert (wrong == 0).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_starts_its_own_threads():
    calls, seen = np.zeros(2, np.int64), np.zeros(2, np.int64)
    count(calls, seen, 2)
    child = os.fork()
    if child == 0:
        count(calls, seen, 2)
        os._exit(0 if (calls == 2).all() else 1)
    deadline = time.monotonic() + 30
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ended[1] == 0
