"""Numba's CUDA simulator made quick: it looks at each of its threads again and again until all stand at a barrier.

A kernel without barriers needs no threads at all: one after the other is as good an order as any. With barriers,
threads sleep at them, and the last to come wakes the others. What kernels compute is the same.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np


def speed_up() -> None:
    """Let the simulator of this process run blocks so."""
    from numba.cuda.simulator import kernel
    from numba.cuda.simulator.kernelapi import Dim3

    class Thread(kernel.BlockThread):  # type: ignore[misc]
        def run(self) -> None:
            super().run()
            self._manager.left(self)

        def syncthreads(self) -> None:
            self._manager.meet()

    def run(self: Any, grid_point: Any, *args: Any) -> None:
        self.meeting, self.living, self.waiting, self.times = threading.Condition(), 0, 0, 0
        points = list(np.ndindex(*self._block_dim))
        if "syncthreads" not in self._f.__code__.co_names:

            def one_after_the_other() -> None:
                for point in points:
                    alone.threadIdx = Dim3(*point)
                    self._f(*args)

            alone = Thread(one_after_the_other, self, grid_point, points[0], self._debug)
            threads = [alone]
        else:
            threads = [Thread(lambda: self._f(*args), self, grid_point, point, self._debug) for point in points]
        self.living = len(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread in threads:
            if thread.exception:
                raise thread.exception[0].with_traceback(thread.exception[1])

    def meet(self: Any) -> None:
        """Wait for all threads that have not ended."""
        with self.meeting:
            self.waiting += 1
            here = self.times
            if self.waiting == self.living:
                go_on(self)
            while here == self.times:
                self.meeting.wait()

    def left(self: Any, thread: Any) -> None:
        """Wait for a thread no longer."""
        with self.meeting:
            self.living -= 1
            if 0 < self.living == self.waiting:
                go_on(self)

    def go_on(self: Any) -> None:
        self.times += 1
        self.waiting = 0
        self.meeting.notify_all()

    kernel.BlockManager.run, kernel.BlockManager.meet, kernel.BlockManager.left = run, meet, left
