"""The patch of kernels is needed as long as numba-cuda shows neither a kernel's handle nor what it closes over."""

from __future__ import annotations

from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from lstm_kernels.numba_patches import cuda_kernels

needs_numba_cuda = pytest.mark.skipif(find_spec("numba_cuda") is None, reason="numba-cuda is not installed")


@needs_numba_cuda
def test_numba_cuda_still_has_no_public_handle():
    from numba.cuda.dispatcher import CUDADispatcher, _Kernel

    public = {name for kind in (CUDADispatcher, _Kernel) for name in dir(kind) if not name.startswith("_")}
    assert not {name for name in public if "handle" in name or "cufunc" in name or "cukernel" in name}


def test_a_kernel_without_a_handle_has_none():
    assert cuda_kernels.handle(SimpleNamespace(), (1,)) is None
