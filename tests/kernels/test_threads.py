"""Work shared out among threads: every turn once, whatever the number of threads there are."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from lstm_kernels.compile import threaded
from lstm_kernels.threads import SPINS


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


def test_waiting_threads_soon_sleep():
    """Or they would keep a processor that another program needs; what the user says counts more."""
    script = "import os, lstm_kernels.cpu.optim; print(os.environ.get('GOMP_SPINCOUNT'))"

    def found(**environment):
        before = {
            name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
        }
        command = [sys.executable, "-c", script]
        return subprocess.run(
            command, env={**before, "NUMBA_DISABLE_JIT": "0", **environment}, capture_output=True, text=True
        ).stdout.strip()

    assert found() == SPINS
    assert found(GOMP_SPINCOUNT="7") == "7"
    assert found(OMP_WAIT_POLICY="ACTIVE") == "None"
