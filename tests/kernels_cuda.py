"""The kernels for a GPU, as `kernels_network` takes them; imported only where there is one, or its simulator."""

from __future__ import annotations

from types import SimpleNamespace

from lstm_kernels.cuda import arrays, embedding, linear, linear_cross_entropy, recurrence
from lstm_kernels.cuda.gemm import Packed

CUDA = SimpleNamespace(
    arrays=arrays,
    embedding=embedding,
    linear=linear,
    linear_cross_entropy=linear_cross_entropy,
    recurrence=recurrence,
    Packed=Packed,
)


class Recorder:
    """Stands in for the driver's graphs: what it records is done when it is started, with the arrays it had then."""

    def __init__(self):
        self.kept, self.recorded, self.started = [], 0, 0

    def record(self, work):
        self.recorded += 1
        self.kept.append(work)
        return work

    def start(self, work):
        assert work in self.kept
        self.started += 1
        work()

    def forget(self, work):
        self.kept.remove(work)
