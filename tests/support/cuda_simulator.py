"""A faster CUDA simulator for Numba, whose own polls all threads until they have reached a barrier.

A kernel without barriers runs its threads one after the other in a single thread. With barriers, threads sleep at them,
and the last to arrive wakes the others. Results are the same.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np


def speed_up() -> None:
    """Patch the simulator of this process."""
    from numba.cuda.simulator import kernel
    from numba.cuda.simulator.kernelapi import Dim3

    class Thread(kernel.BlockThread):  # type: ignore[misc]
        def run(self) -> None:
            super().run()
            self._manager.leave(self)

        def syncthreads(self) -> None:
            self._manager.barrier()

    def run(self: Any, grid_point: Any, *args: Any) -> None:
        self.arrival, self.running, self.waiting, self.barriers = threading.Condition(), 0, 0, 0
        points = list(np.ndindex(*self._block_dim))
        if "syncthreads" not in self._f.__code__.co_names:

            def run_sequentially() -> None:
                for point in points:
                    alone.threadIdx = Dim3(*point)
                    self._f(*args)

            alone = Thread(run_sequentially, self, grid_point, points[0], self._debug)
            threads = [alone]
        else:
            threads = [Thread(lambda: self._f(*args), self, grid_point, point, self._debug) for point in points]
        self.running = len(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread in threads:
            if thread.exception:
                raise thread.exception[0].with_traceback(thread.exception[1])

    def barrier(self: Any) -> None:
        """Wait for all threads that have not ended."""
        with self.arrival:
            self.waiting += 1
            number = self.barriers
            if self.waiting == self.running:
                release(self)
            while number == self.barriers:
                self.arrival.wait()

    def leave(self: Any, thread: Any) -> None:
        """Let the others wait for one thread less."""
        with self.arrival:
            self.running -= 1
            if 0 < self.running == self.waiting:
                release(self)

    def release(self: Any) -> None:
        self.barriers += 1
        self.waiting = 0
        self.arrival.notify_all()

    kernel.BlockManager.run, kernel.BlockManager.barrier, kernel.BlockManager.leave = run, barrier, leave
