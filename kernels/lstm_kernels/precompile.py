"""Compiles kernels before they are called, in several processes at once: the compiler itself uses one core.

    jobs = collect_jobs(one_step)     # the kernels that a step calls, with their types, without running them
    compile_all(jobs, report=...)

Each process is `python -m lstm_kernels.precompile`: it reads pickled jobs from its parent, compiles them into the cache
folder and answers each with a line. It ends when its parent does.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import IO

from lstm_kernels import jit
from lstm_kernels.jit import Job, set_cache_folder

ProgressCallback = Callable[[int, int, str], object]
"""(jobs done, jobs in all, names of those being compiled); raising an exception stops the compilation."""

MIN_PARALLEL = 4
"""Jobs from which on further processes pay: fewer are done before one has started."""
MAX_PROCESSES = 8
"""Processes at once; each takes some 150 MB."""
SLOWEST_MODULES = ("inference", "recurrence", "attention", "ctc", "linear", "gemm", "softmax", "optim")
"""Modules whose kernels take longest to compile, longest first: they start first."""


def compile_all(jobs: Iterable[Job], report: ProgressCallback, *, processes: int) -> int:
    """Compile and load every job, and return how many were not cached.

    `report` is called several times a second in this thread while there is something to compile, and not otherwise.
    """
    jobs = list(jobs)
    missing = sorted((job for job in jobs if not job.is_cached), key=_rank)
    processes = min(processes, len(missing), MAX_PROCESSES)
    if processes > 1 and len(missing) >= MIN_PARALLEL and jit._folder is not None:
        _compile_in_processes(missing, report, processes)
    left = [job for job in missing if not job.is_cached]
    for number, job in enumerate(left):
        report(len(missing) - len(left) + number, len(missing), job.name)
        job.compile()
    for job in jobs:
        job.compile()
    return len(missing)


def _rank(job: Job) -> int:
    module = job.name.partition(".")[0]
    return SLOWEST_MODULES.index(module) if module in SLOWEST_MODULES else len(SLOWEST_MODULES)


def _compile_in_processes(missing: list[Job], report: ProgressCallback, processes: int) -> None:
    """Compile in other processes, and wait for them."""
    waiting: SimpleQueue[Job] = SimpleQueue()
    for job in missing:
        waiting.put(job)
    workers = [_Worker(waiting) for _ in range(processes)]
    try:
        while any(worker.thread.is_alive() for worker in workers):
            names = [worker.current for worker in workers if worker.current]
            report(sum(worker.done for worker in workers), len(missing), ", ".join(names))
            for worker in workers:
                worker.thread.join(0.2 / processes)
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """A process that compiles, and the thread that sends it jobs."""

    def __init__(self, waiting: SimpleQueue[Job]) -> None:
        self._waiting = waiting
        self.done = 0
        self.current = ""
        # -P: a file in the user's folder must not be taken for a module.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lstm_kernels.precompile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.thread = threading.Thread(target=self._send_jobs, daemon=True)
        self.thread.start()

    def _send_jobs(self) -> None:
        to, answers = self._process.stdin, self._process.stdout
        assert to is not None
        assert answers is not None
        with suppress(Empty, OSError):  # no more jobs; or the process has died, and others compile what it leaves
            _send(to, (jit._folder, tuple(jit.exported)))
            while True:
                job = self._waiting.get_nowait()
                self.current = job.name
                _send(to, job)
                if not answers.readline():
                    return
                self.done += 1

    def stop(self) -> None:
        """Kill the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self.thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()


def _send(to: IO[bytes], value: object) -> None:
    pickle.dump(value, to)
    to.flush()


def main() -> None:
    """Compile the jobs that arrive on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the parent decides
    folder, exported = pickle.load(sys.stdin.buffer)
    set_cache_folder(folder.parent)
    from lstm_kernels.cell_table import CELLS
    from lstm_kernels.cpu import inference, recurrence
    from lstm_kernels.cpu.microkernel import driver

    for precision in driver.PRECISIONS:
        if f"{driver.SYMBOL}_{precision}" in exported:  # jobs call it
            driver.prepare(precision)
    for cell in CELLS:
        recurrence.compiled(cell)
        inference.compiled(cell)
    while True:
        try:
            job: Job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        import_module(job.module)
        job.compile()
        print("compiled", flush=True)


if __name__ == "__main__":
    main()
