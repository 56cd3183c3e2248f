"""Matrix products: cuBLAS where it is found, otherwise a plain tiled kernel, which also runs on the simulator.

    precision   products                          sums        states, weights
    float32     float32                           float32     float32
    tf32        float32 with 10 bits of fraction  float32     float32
    bfloat16    bfloat16, inputs rounded         float32     float32
    float64     float64                           float64     float64

The plain kernel computes tf32 and bfloat16 in float32.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

import numpy as np

from lstm_kernels.cuda.arrays import address, zeros
from lstm_kernels.cuda.launch import DEFAULT, SIMULATED, Array, Stream, cuda, kernel, stream, types_of

PRECISIONS = ("float32", "tf32", "bfloat16", "float64")

TILE = 2 if SIMULATED else 16


class Packed:
    """A matrix (K, N) as the right side of products, all zero at first."""

    def __init__(self, K: int, N: int, precision: str) -> None:
        self.precision = precision
        self.words = zeros((K, N), np.float64 if precision == "float64" else np.float32)

    def pack_transposed(self, W: Array, threads: int) -> None:
        """Pack the transpose of W (N, K)."""
        K, N = self.words.shape
        if N == 0:  # a cell without recurrent products
            return
        _transpose(W.dtype.name)[_grid(N, K), (TILE, TILE)](W, self.words)


def _grid(rows: int, columns: int) -> tuple[int, int]:
    """Return the grid of tiles, x along a row; y is bounded, since a GPU allows fewer blocks there."""
    return -(-columns // TILE), min(-(-rows // TILE), 1 if SIMULATED else 32768)


@cache
def _transpose(dtype: str) -> Any:
    size, kind = (TILE, TILE + 1), types_of(dtype)[1]  # one column more avoids bank conflicts

    @kernel
    def transpose(a, out):
        tile = cuda.shared.array(size, kind)
        M, N = a.shape
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        left = cuda.blockIdx.x * TILE
        for top in range(cuda.blockIdx.y * TILE, M, cuda.gridDim.y * TILE):
            if top + y < M and left + x < N:
                tile[y, x] = a[top + y, left + x]
            cuda.syncthreads()
            if left + y < N and top + x < M:
                out[left + y, top + x] = tile[x, y]
            cuda.syncthreads()

    return transpose


def multiply(
    A: Array,
    B: Array,
    C: Array,
    precision: str,
    *,
    transposed: bool = False,
    add: bool = False,
    bias: Array | None = None,
) -> None:
    """Fill C with A B, or A' B where A is `transposed`; or add to it.

    A     (M, K)  in   or (K, M); rows may be further apart than their length, here and below
    B     (K, N)  in
    C     (M, N)  out  or in-out
    bias  (N,)    in   added to each row; or None
    """
    M, N = C.shape
    if bias is not None:
        _spread[_grid(M, N), (TILE, TILE)](bias, C)
        add = True
    library = _library()
    if library is not None:
        library.multiply(A, B, C, precision, transposed=transposed, add=add)
    else:
        _tiled(C.dtype.name, transposed)[_grid(M, N), (TILE, TILE)](A, B, C, add)


@kernel
def _spread(bias, C):
    M, N = C.shape
    n = cuda.blockIdx.x * TILE + cuda.threadIdx.x
    if n < N:
        for m in range(cuda.blockIdx.y * TILE + cuda.threadIdx.y, M, cuda.gridDim.y * TILE):
            C[m, n] = bias[n]


@cache
def _tiled(dtype: str, transposed: bool) -> Any:
    """Return the plain kernel: a block computes a tile of C, a thread one number; A and B go through shared memory."""
    size, number, kind = (TILE, TILE), *types_of(dtype)

    @kernel
    def multiply(A, B, C, add):
        of_A = cuda.shared.array(size, kind)
        of_B = cuda.shared.array(size, kind)
        M, N = C.shape
        K = B.shape[0]
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        n = cuda.blockIdx.x * TILE + x
        for top in range(cuda.blockIdx.y * TILE, M, cuda.gridDim.y * TILE):
            m = top + y
            total = number(0)
            for k in range(0, K, TILE):
                inside = (m < M) & (k + x < K)
                if transposed:
                    of_A[y, x] = A[k + x, m] if inside else number(0)
                else:
                    of_A[y, x] = A[m, k + x] if inside else number(0)
                of_B[y, x] = B[k + y, n] if (k + y < K) & (n < N) else number(0)
                cuda.syncthreads()
                for i in range(TILE):
                    total += of_A[y, i] * of_B[i, x]
                cuda.syncthreads()
            if (m < M) & (n < N):
                C[m, n] = C[m, n] + total if add else total

    return multiply


# --- cuBLAS -----------------------------------------------------------------------------------------------------------

WORKSPACE = 32 << 20
"""Bytes of cuBLAS's workspace; allocated beforehand, so that it allocates nothing later."""

_FLOAT32, _FLOAT64 = 0, 1  # cudaDataType
_COMPUTE = {"float32": 68, "bfloat16": 75, "tf32": 77, "float64": 70}  # cublasComputeType_t
_PLAIN, _TRANSPOSED = 0, 1  # cublasOperation_t
_DEFAULT = -1  # cublasGemmAlgo_t

_once = threading.Lock()
_found: list[Any] = []


def _library() -> Any:
    """Return cuBLAS, initialised for this process's context, or None where it is not found."""
    if not _found:
        with _once:
            if not _found:
                _found.append(None if SIMULATED else _load())
    return _found[0]


def _load() -> Any:
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib  # type: ignore[import-not-found,unused-ignore]

        return Cublas(ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path))
    except Exception:  # products work without it, whatever the failure
        pass
    for name in ("libcublas.so.13", "libcublas.so.12", "libcublas.so"):
        try:
            return Cublas(ctypes.CDLL(name))
        except (OSError, RuntimeError):
            continue
    return None


class Cublas:
    """The library, through its C interface; one handle, on the stream of the last product."""

    def __init__(self, library: Any) -> None:
        """Raises RuntimeError where it cannot be initialised."""
        self._library, self._handle = library, ctypes.c_void_p()
        number, pointer = ctypes.c_int, ctypes.c_void_p
        library.cublasGemmEx.argtypes = [
            pointer, number, number, number, number, number, pointer, pointer, number, number, pointer, number, number,
            pointer, pointer, number, number, number, number,
        ]  # fmt: skip
        library.cublasSetWorkspace_v2.argtypes = [pointer, pointer, ctypes.c_size_t]
        library.cublasSetStream_v2.argtypes = [pointer, pointer]
        cuda.current_context()  # cuBLAS uses the current one
        self._check(library.cublasCreate_v2(ctypes.byref(self._handle)))
        self._workspace = cuda.device_array(WORKSPACE, np.uint8)
        self._use(DEFAULT)
        found = ctypes.c_int()
        library.cublasGetVersion_v2(self._handle, ctypes.byref(found))
        self.version = f"{found.value // 10000}.{found.value // 100 % 100}"
        self._scalars = {
            kind: (kind(0), kind(1)) for kind in (ctypes.c_float, ctypes.c_double)
        }  # read by cublasGemmEx before it returns

    def multiply(self, A: Array, B: Array, C: Array, precision: str, *, transposed: bool, add: bool) -> None:
        """See `multiply` of the module."""
        (M, N), K = C.shape, B.shape[0]
        if stream() != self._stream:
            self._use(stream())
        double = C.dtype == np.float64
        kind, size = (_FLOAT64, 8) if double else (_FLOAT32, 4)
        zero, one = self._scalars[ctypes.c_double if double else ctypes.c_float]
        # cuBLAS reads matrices by column, and so each as its transpose: C' = B' A'.
        self._check(
            self._library.cublasGemmEx(
                self._handle, _PLAIN, _TRANSPOSED if transposed else _PLAIN, N, M, K,
                ctypes.addressof(one), address(B), kind, B.strides[0] // size, address(A), kind, A.strides[0] // size,
                ctypes.addressof(one if add else zero), address(C), kind, C.strides[0] // size,
                _COMPUTE[precision], _DEFAULT,
            )
        )  # fmt: skip

    def _use(self, chosen: Stream) -> None:
        """Multiply on a stream from now on; cuBLAS drops its workspace when the stream changes."""
        self._check(self._library.cublasSetStream_v2(self._handle, chosen.handle))
        self._check(self._library.cublasSetWorkspace_v2(self._handle, address(self._workspace), WORKSPACE))
        self._stream = chosen

    def _check(self, status: int) -> None:
        if status != 0:
            raise RuntimeError(f"cuBLAS failed with status {status}")
