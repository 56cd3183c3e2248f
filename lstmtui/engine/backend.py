"""The engine's one way to the kernels, on the processor or a GPU.

A `Device` groups the kernel modules of one device. Weights know theirs, so that a network computes where its weights
are. Names imported from here are those of the processor. Importing this module loads Numba, so only the engine's
processes do.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from lstmtui.common.paths import cache_root
from lstmtui.errors import UsageError

# Before any kernel runs, so that compiled code goes to the user's cache folder.
from lstm_kernels.jit import set_cache_folder, collect_jobs  # isort: skip

KERNEL_CACHE = set_cache_folder(cache_root() / "compiled")
"""The cache of compiled kernels; None where the folder cannot be written or others may write to it."""

from lstm_kernels.cell_table import CELLS, Cell  # noqa: E402
from lstm_kernels.cpu import (  # noqa: E402
    arrays,
    attention,
    ctc,
    dropout,
    elementwise,
    embedding,
    inference,
    linear,
    linear_cross_entropy,
    longest_match,
    optim,
    penalty,
    recurrence,
    sampling,
    sequences,
    softmax,
    step_attention,
    top_tokens,
)
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16, NATIVE_BFLOAT16, UNIT, UNIT_REASON  # noqa: E402
from lstm_kernels.cpu.packing import Packed, packed_stack, workspace  # noqa: E402
from lstm_kernels.interface import (  # noqa: E402
    Adam,
    ArraysKernels,
    AttentionGradients,
    AttentionInputs,
    AttentionKernels,
    CTCKernels,
    CTCTargets,
    DropoutKernels,
    ElementwiseKernels,
    EmbeddingKernels,
    FlatWeights,
    LinearCrossEntropy,
    LinearCrossEntropyKernels,
    LinearKernels,
    OptimKernels,
    PackedMatrix,
    PenaltyKernels,
    Recurrence,
    RecurrenceKernels,
    SequencesKernels,
    Smoothing,
    SoftmaxKernels,
    StateGradients,
    Steps,
    Update,
)
from lstm_kernels.numba_patches.codegen import cgutils, signature  # noqa: E402
from lstm_kernels.numba_patches.untyped import intrinsic  # noqa: E402
from lstm_kernels.precompile import ProgressCallback, compile_all  # noqa: E402
from lstm_kernels.thread_pool import MAX_THREADS  # noqa: E402

__all__ = [
    "CELLS",
    "CPU",
    "HAS_BFLOAT16",
    "KERNEL_CACHE",
    "MAX_THREADS",
    "NATIVE_BFLOAT16",
    "UNIT",
    "UNIT_REASON",
    "Adam",
    "AttentionGradients",
    "AttentionInputs",
    "CTCTargets",
    "Cell",
    "Device",
    "FlatWeights",
    "LinearCrossEntropy",
    "Packed",
    "PackedMatrix",
    "ProgressCallback",
    "Recurrence",
    "Smoothing",
    "StateGradients",
    "Steps",
    "Update",
    "cgutils",
    "collect_jobs",
    "compile_all",
    "cuda_info",
    "cuda_unavailable_reason",
    "device",
    "dropout",
    "embedding",
    "inference",
    "intrinsic",
    "linear",
    "linear_cross_entropy",
    "longest_match",
    "optim",
    "packed_stack",
    "penalty",
    "recurrence",
    "sampling",
    "sequences",
    "signature",
    "softmax",
    "step_attention",
    "top_tokens",
    "workspace",
]


@dataclass(slots=True)
class Device:
    """The kernels of one device: modules with the same functions, checked by mypy against the same protocols."""

    name: str
    arrays: ArraysKernels
    attention: AttentionKernels
    ctc: CTCKernels
    dropout: DropoutKernels
    elementwise: ElementwiseKernels
    embedding: EmbeddingKernels
    linear: LinearKernels
    linear_cross_entropy: LinearCrossEntropyKernels
    optim: OptimKernels
    penalty: PenaltyKernels
    recurrence: RecurrenceKernels
    sequences: SequencesKernels
    softmax: SoftmaxKernels
    Packed: Callable[[int, int, str], PackedMatrix]
    """Packed(K, N, precision): a packed matrix, to be filled."""
    replay: Callable[[Hashable, Callable[[], None]], None]
    """replay(key, work): do `work`, which calls the same kernels with the same arrays whenever `key` is the same."""
    free_memory: Callable[[], int | None]
    """free_memory(): bytes available to arrays; None where the system decides when they are allocated."""

    def resolve_precision(self, wanted: str, dtype: Any) -> str:
        """Return the precision of products: `wanted` where it is available; auto is the fastest."""
        if np.dtype(dtype) == np.float64:
            return "float64"
        if self.name == "cuda":
            return "tf32" if wanted == "auto" else wanted
        has = {"auto": NATIVE_BFLOAT16, "bfloat16": HAS_BFLOAT16, "float32": False}
        return "bfloat16" if has[wanted] else "float32"


def _run(key: Hashable, work: Callable[[], None]) -> None:
    """Do `work`."""
    work()


# mypy checks the modules of both devices against the protocols here and in `_cuda`.
CPU = Device(
    name="cpu",
    arrays=arrays,
    attention=attention,
    ctc=ctc,
    dropout=dropout,
    elementwise=elementwise,
    embedding=embedding,
    linear=linear,
    linear_cross_entropy=linear_cross_entropy,
    optim=optim,
    penalty=penalty,
    recurrence=recurrence,
    sequences=sequences,
    softmax=softmax,
    Packed=Packed,
    replay=_run,
    free_memory=lambda: None,
)


@cache
def device(wanted: str) -> Device:
    """Return the device for cpu, cuda, or auto: a GPU where the extra is installed.

    Raises UsageError with the reason where cuda cannot be used.
    """
    if wanted == "cpu":
        return CPU
    if wanted == "auto":
        return _cuda() if has_cuda_extra() and cuda_unavailable_reason() is None else CPU
    reason = cuda_unavailable_reason()
    if reason is None:
        return _cuda()
    raise UsageError(f"--device cuda cannot be used: {reason}; --device cpu computes on the processor.")


def has_cuda_extra() -> bool:
    """Return whether the package of the extra `cuda` is installed, so that the user wants a GPU."""
    return find_spec("numba_cuda") is not None


@cache
def cuda_unavailable_reason() -> str | None:
    """Return why this machine cannot compute on a GPU, in words; None where it can."""
    from lstm_kernels.cuda import launch

    return launch.unavailable_reason()


def cuda_info() -> dict[str, Any]:
    """Return whether there is a GPU and whether auto uses it, with its name and versions, or why there is none."""
    reason = cuda_unavailable_reason()
    if reason is not None:
        return {"cuda": False, "cuda_missing": reason}
    from lstm_kernels.cuda import launch

    return {"cuda": True, "cuda_by_default": has_cuda_extra(), **launch.info()}


@cache
def _cuda() -> Device:
    from lstm_kernels.cuda import (
        arrays,
        attention,
        ctc,
        dropout,
        elementwise,
        embedding,
        graphs,
        launch,
        linear,
        linear_cross_entropy,
        optim,
        penalty,
        recurrence,
        sequences,
        softmax,
    )
    from lstm_kernels.cuda.gemm import Packed

    return Device(
        name="cuda",
        arrays=arrays,
        attention=attention,
        ctc=ctc,
        dropout=dropout,
        elementwise=elementwise,
        embedding=embedding,
        linear=linear,
        linear_cross_entropy=linear_cross_entropy,
        optim=optim,
        penalty=penalty,
        recurrence=recurrence,
        sequences=sequences,
        softmax=softmax,
        Packed=Packed,
        replay=graphs.replay,
        free_memory=launch.free_memory,
    )
