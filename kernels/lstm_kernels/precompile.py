"""Compile many kernels before they are called, in several processes at once: the compiler itself uses one core.

    jobs = collect_jobs(one_step)          # which kernels a step calls, and with what types, without calling them
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

from lstm_kernels import jit as compile_module
from lstm_kernels.jit import Job, cache_in

Report = Callable[[int, int, str], object]
"""(how many are done, of how many, what is being compiled); it may raise, which ends the compiling."""

FEW = 3
"""Up to so many jobs are done before another process has started."""
LONGEST_FIRST = ("inference", "recurrence", "linear", "gemm", "softmax", "optim")
MOST = 8
"""Processes at once; each takes some 150 MB."""


def compile_all(jobs: Iterable[Job], report: Report, *, processes: int) -> int:
    """Have every job compiled and loaded, and return how many of them were not there yet.

    `report` is called several times a second in this thread while there is something to compile, and not otherwise.
    """
    jobs = list(jobs)
    missing = sorted((job for job in jobs if not job.is_kept), key=_rank)
    processes = min(processes, len(missing), MOST)
    if processes > 1 and len(missing) > FEW and compile_module._folder is not None:
        _compile_beside(missing, report, processes)
    left = [job for job in missing if not job.is_kept]
    for number, job in enumerate(left):
        report(len(missing) - len(left) + number, len(missing), job.name)
        job.compile()
    for job in jobs:
        job.compile()
    return len(missing)


def _rank(job: Job) -> int:
    part = job.name.partition(".")[0]
    return LONGEST_FIRST.index(part) if part in LONGEST_FIRST else len(LONGEST_FIRST)


def _compile_beside(missing: list[Job], report: Report, processes: int) -> None:
    """Compile in other processes, and wait for them."""
    waiting: SimpleQueue[Job] = SimpleQueue()
    for job in missing:
        waiting.put(job)
    workers = [_Worker(waiting) for _ in range(processes)]
    try:
        while any(worker.thread.is_alive() for worker in workers):
            names = [worker.busy_with for worker in workers if worker.busy_with]
            report(sum(worker.done for worker in workers), len(missing), ", ".join(names))
            for worker in workers:
                worker.thread.join(0.2 / processes)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that compiles, and the thread that hands it jobs."""

    def __init__(self, waiting: SimpleQueue[Job]) -> None:
        self._waiting = waiting
        self.done = 0
        self.busy_with = ""
        # -P: a file in the user's folder must not be taken for a module.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lstm_kernels.precompile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.thread = threading.Thread(target=self._hand_out, daemon=True)
        self.thread.start()

    def _hand_out(self) -> None:
        to, answers = self._process.stdin, self._process.stdout
        assert to is not None
        assert answers is not None
        with suppress(Empty, OSError):  # no more to do; or it has ended, and others compile what it leaves
            _send(to, (compile_module._folder, tuple(compile_module._exported)))
            while True:
                job = self._waiting.get_nowait()
                self.busy_with = job.name
                _send(to, job)
                if not answers.readline():
                    return
                self.done += 1

    def end(self) -> None:
        """End the process, whatever it is doing."""
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
    """Compile what comes in on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the parent decides
    folder, exported = pickle.load(sys.stdin.buffer)
    cache_in(folder.parent)
    from lstm_kernels.cell_table import CELLS
    from lstm_kernels.cpu import inference, recurrence
    from lstm_kernels.cpu.microkernel import vectors

    for precision in vectors.PRECISIONS:
        if f"{vectors.SYMBOL}_{precision}" in exported:  # what is compiled is linked to it
            vectors.prepare(precision)
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
