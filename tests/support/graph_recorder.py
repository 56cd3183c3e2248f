"""CUDA graphs without a driver."""

from __future__ import annotations


class GraphRecorder:
    """Keeps recorded work and runs it, with the same arrays, each time it is started."""

    def __init__(self):
        self.graphs, self.recorded, self.started = [], 0, 0

    def record(self, work):
        self.recorded += 1
        self.graphs.append(work)
        return work

    def start(self, work):
        assert work in self.graphs
        self.started += 1
        work()

    def forget(self, work):
        self.graphs.remove(work)
