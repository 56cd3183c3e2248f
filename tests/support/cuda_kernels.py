"""The CUDA kernels by the names that `layer_cases` uses; import it only where there is a GPU or its simulator."""

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
