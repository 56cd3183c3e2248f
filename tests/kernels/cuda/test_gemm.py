"""Calls of cuBLAS, with a fake library that reads its arguments as cuBLAS does, column by column."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest
from lstm_kernels.cuda import gemm as products
from lstm_kernels.cuda import linear, recurrence
from lstm_kernels.cuda.arrays import to_device, to_host
from support.cuda_kernels import CUDA
from support.layer_cases import case, reference, run_layer

KINDS = {0: (np.float32, ctypes.c_float), 1: (np.float64, ctypes.c_double)}


def matrix(place, kind, rows, columns, apart):
    """Return the matrix (rows, columns) at an address, whose columns begin `apart` numbers apart."""
    assert apart >= rows
    number, c_number = KINDS[kind]
    held = np.ctypeslib.as_array((c_number * (apart * (columns - 1) + rows)).from_address(place))
    size = number().itemsize
    return np.lib.stride_tricks.as_strided(held, (rows, columns), (size, apart * size))


def fake_library(asked):
    """Return a library that multiplies with NumPy in the host's memory, and appends each compute type to `asked`."""

    def gemm(handle, op_A, op_B, m, n, k, alpha, A, kind, lda, B, _, ldb, beta, C, __, ldc, compute, algorithm):
        asked.append(compute)
        alpha, beta = (KINDS[kind][1].from_address(place).value for place in (alpha, beta))
        a = matrix(A, kind, *((k, m) if op_A else (m, k)), lda)
        b = matrix(B, kind, *((n, k) if op_B else (k, n)), ldb)
        c = matrix(C, kind, m, n, ldc)
        kept = c.copy() if beta else np.zeros_like(c)
        c[...] = alpha * (a.T if op_A else a) @ (b.T if op_B else b) + beta * kept
        return 0

    def version(handle, into):
        into._obj.value = 130200
        return 0

    def fine(*args):
        return 0

    return SimpleNamespace(
        cublasGemmEx=gemm,
        cublasGetVersion_v2=version,
        cublasCreate_v2=fine,
        cublasSetWorkspace_v2=lambda *args: 0,
        cublasSetStream_v2=lambda *args: 0,
    )


@pytest.fixture
def asked(monkeypatch):
    """Install the fake library, and return the compute types of its calls."""
    found = []
    monkeypatch.setattr(products, "WORKSPACE", 16)
    library = products.Cublas(fake_library(found))
    assert library.version == "13.2"
    monkeypatch.setattr(products, "_found", [library])
    monkeypatch.setattr(recurrence, "mode", "steps")
    return found


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_layers_agree_with_cublas_products(asked, cell):
    args = case(cell, 2, 3, 4, 5)
    h, _, _, grads = run_layer(cell, *args, on=CUDA)
    h_ref, _, _, grads_ref = reference(cell, *args)
    np.testing.assert_allclose(h, h_ref, rtol=1e-10, atol=1e-10)
    for name in ("W_ih", "W_hh", "b", "x", "h0"):
        np.testing.assert_allclose(grads[name], grads_ref[name], rtol=1e-10, atol=1e-10, err_msg=name)
    assert set(asked) == {70}  # CUBLAS_COMPUTE_64F


@pytest.mark.parametrize(("precision", "compute"), [("float32", 68), ("tf32", 77), ("bfloat16", 75)])
def test_each_precision_selects_its_compute_type(asked, precision, compute):
    dout, W = np.random.default_rng(0).normal(size=(2, 3, 3)).astype(np.float32)
    dx = to_device(np.zeros((3, 3), np.float32))
    linear.backward_input(to_device(dout), to_device(W), dx, precision, 1)
    np.testing.assert_allclose(to_host(dx), dout @ W, rtol=1e-5, atol=1e-6)
    assert asked == [compute]
