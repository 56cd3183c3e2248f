"""The kernels for a GPU, as `kernels_network` takes them; imported only where there is one, or its simulator."""

from __future__ import annotations

from types import SimpleNamespace

from lstm_kernels.cuda import arrays, embedding, linear, linear_cross_entropy, recurrence
from lstm_kernels.cuda.products import Packed

CUDA = SimpleNamespace(
    arrays=arrays,
    embedding=embedding,
    linear=linear,
    linear_cross_entropy=linear_cross_entropy,
    recurrence=recurrence,
    Packed=Packed,
)
