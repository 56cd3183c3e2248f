"""Kernels compiled before they are called, here and in other processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from lstm_kernels import jit, precompile
from lstm_kernels.cpu import dropout, embedding, optim, softmax
from lstm_kernels.jit import Job, collect_jobs


def arrays(dtype=np.float32):
    return np.ones(8, dtype), np.zeros((2, 4), dtype), np.zeros(2, np.int32)


def some_calls(dtype=np.float32):
    flat, rows, tokens = arrays(dtype)
    optim.norm(flat, np.zeros(1), 1)
    dropout.locked_mask(rows, 0.5, 1)
    embedding.forward(rows, tokens, rows.copy(), 1)
    embedding.forward(rows, tokens, rows.copy(), 1)
    softmax.cross_entropy(rows, tokens, rows[0, :2].copy(), 1.0, 1)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache folder of its own, and kernels that have not been compiled in this process."""
    monkeypatch.setattr(jit, "_folder", jit._folder)
    return jit.set_cache_folder(tmp_path)


def progress_recorder():
    calls = []

    def report(done, total, kernel):
        calls.append((done, total, kernel))

    return calls, report


def test_each_call_becomes_one_job_and_computes_nothing():
    flat, mask = np.ones(8), np.full((2, 4), 7.0)

    def action():
        assert optim.norm(flat, np.zeros(1), 1) == 0.0
        optim.norm(flat, np.zeros(1), 1)
        dropout.locked_mask(mask, 0.5, 1)

    names = [job.name for job in collect_jobs(action)]
    assert names == ["optim.square_sums", "dropout.locked_mask"]
    assert (mask == 7).all()
    assert optim.norm(flat, np.zeros(1), 1) == pytest.approx(8**0.5)  # kernels work again


def test_kernels_work_again_after_an_action_that_fails():
    with pytest.raises(ZeroDivisionError):
        collect_jobs(lambda: 1 / 0)
    assert optim.norm(np.ones(4), np.zeros(1), 1) == 2.0


SCRIPT = """
import sys
from numba.core.event import install_recorder
from lstm_kernels.jit import set_cache_folder, collect_jobs
from lstm_kernels.precompile import compile_all
import test_precompile
set_cache_folder(sys.argv[1])
calls, report = test_precompile.progress_recorder()
with install_recorder("numba:compile") as compiled:
    count = compile_all(collect_jobs(test_precompile.some_calls), report, processes=int(sys.argv[2]))
    test_precompile.some_calls()
print(count, sum(event.is_start for _, event in compiled.buffer), len(calls) > 0)
"""


def in_a_process(folder, processes):
    search = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, str(processes)],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout.split()


@pytest.mark.parametrize("processes", [1, 2])
def test_the_second_process_compiles_and_reports_nothing(tmp_path, processes):
    count, here, reported = in_a_process(tmp_path, processes)
    assert count == "4"
    assert (int(here) == 0) == (processes > 1)  # others did all of it
    assert reported == "True"
    assert in_a_process(tmp_path, processes) == ["0", "0", "False"]


def test_jobs_of_a_dead_process_are_compiled_here(empty_cache, monkeypatch):
    jobs = collect_jobs(lambda: some_calls(np.float64))
    monkeypatch.setattr(precompile.sys, "executable", shutil.which("false"))
    compiled = []
    monkeypatch.setattr(Job, "compile", lambda job: compiled.append(job.name))
    calls, report = progress_recorder()
    assert precompile.compile_all(jobs, report, processes=2) == len(jobs)
    assert set(compiled) == {job.name for job in jobs}
    assert [done for done, _, _ in calls[-len(jobs) :]] == list(range(len(jobs)))


def test_a_report_that_raises_ends_the_other_processes(empty_cache, monkeypatch):
    started = []
    popen = subprocess.Popen

    def start(*args, **options):
        started.append(popen(*args, **options))
        return started[-1]

    monkeypatch.setattr(precompile.subprocess, "Popen", start)

    def report(done, total, kernel):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        precompile.compile_all(collect_jobs(lambda: some_calls(np.float64)), report, processes=2)
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


def test_progress_counts_up_to_all(empty_cache):
    calls, report = progress_recorder()
    jobs = collect_jobs(lambda: optim.norm(np.ones(4, np.float64), np.zeros(1), 1))
    precompile.compile_all(jobs, report, processes=4)
    assert calls == [(0, 1, "optim.square_sums")]
