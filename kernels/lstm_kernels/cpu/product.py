"""The matrix product, and the only door to BLAS.

Numba's own `np.dot` copies what is not contiguous, always overwrites and knows no transposes. Here compiled code calls
SciPy's BLAS with leading dimensions, so that blocks of rows or columns need no copy. The addresses are registered
under names of ours, which a cached kernel resolves again when it is loaded.

That BLAS is held to one thread: our threads call it side by side, and two pools that alternate fight over the cores
(a product of 139 us became 8080 us).
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import scipy.linalg.cython_blas  # noqa: F401  (loads the library whose threads are limited below)
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import get_cython_function_address, register_jitable
from threadpoolctl import threadpool_limits

from lstm_kernels.compile import SETTINGS, intrinsic

threadpool_limits(1, user_api="blas")
for _routine in ("sgemm", "dgemm", "sgemv", "dgemv"):
    llvmlite.binding.add_symbol(
        f"lstm_kernels_{_routine}", get_cython_function_address("scipy.linalg.cython_blas", _routine)
    )


def _call(context: Any, builder: Any, routine: str, dtype: Any, values: list[Any]) -> None:
    """Call a BLAS routine: Fortran wants every scalar by its address."""
    pointers = []
    for value in values:
        if not isinstance(value.type, ir.PointerType):
            value = cgutils.alloca_once_value(builder, value)
        pointers.append(builder.bitcast(value, cgutils.voidptr_t))
    prefix = "s" if dtype == types.float32 else "d"
    kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t] * len(pointers))
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"lstm_kernels_{prefix}{routine}"), pointers)


def _letter(builder: Any, transposed: Any) -> Any:
    byte = ir.IntType(8)
    return builder.select(transposed, ir.Constant(byte, ord("T")), ir.Constant(byte, ord("N")))


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


@intrinsic
def _gemm(typingctx, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """C = alpha op(A) op(B) + beta C, all stored by columns."""
    size, dtype = types.int32, a.dtype
    sig = signature(types.void, types.boolean, types.boolean, size, size, size, dtype, a, size, b, size, dtype, c, size)

    def codegen(context, builder, sig, args):
        trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc = args
        a, b, c = (_data(context, builder, sig.args[at], args[at]) for at in (6, 8, 11))
        letters = [_letter(builder, trans_a), _letter(builder, trans_b)]
        _call(context, builder, "gemm", dtype, [*letters, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc])
        return context.get_dummy_value()

    return sig, codegen


@intrinsic
def _gemv(typingctx, trans, m, n, alpha, a, lda, x, incx, beta, y, incy):
    """y = alpha op(A) x + beta y, A stored by columns."""
    size, dtype = types.int32, a.dtype
    sig = signature(types.void, types.boolean, size, size, dtype, a, size, x, size, dtype, y, size)

    def codegen(context, builder, sig, args):
        trans, m, n, alpha, a, lda, x, incx, beta, y, incy = args
        a, x, y = (_data(context, builder, sig.args[at], args[at]) for at in (4, 6, 9))
        _call(context, builder, "gemv", dtype, [_letter(builder, trans), m, n, alpha, a, lda, x, incx, beta, y, incy])
        return context.get_dummy_value()

    return sig, codegen


@register_jitable
def _stride(A):
    """Return the leading dimension of A; BLAS wants at least the length of a row."""
    return max(A.strides[0] // A.itemsize, A.shape[1], 1)


def _product(transA, transB, alpha, A, B, beta, C):
    M, N = C.shape
    K = A.shape[0] if transA else A.shape[1]
    if M == 0 or N == 0:
        return
    # BLAS stores by columns, and so sees each of our matrices transposed: C' = op(B)' op(A)'.
    if M == 1:
        step = _stride(A) if transA else 1
        rows, columns = (K, N) if transB else (N, K)
        _gemv(transB, rows, columns, alpha, B, _stride(B), A, step, beta, C, 1)
    else:
        _gemm(transB, transA, N, M, K, alpha, B, _stride(B), A, _stride(A), beta, C, _stride(C))


def _numpy_product(transA, transB, alpha, A, B, beta, C):
    result = alpha * ((A.T if transA else A) @ (B.T if transB else B))
    C[...] = result if beta == 0 else result + beta * C


product: Any = _numpy_product if SETTINGS.DISABLE_JIT else register_jitable(_product)
"""product(transA, transB, alpha, A, B, beta, C): C = alpha op(A) op(B) + beta C, in the caller's thread.

A, B, C     2-D, rows contiguous, any distance between rows; C (M, N) in-out, not read where beta is 0
transA/B    op(A) = A' (stored (K, M)) or A (stored (M, K)); likewise B' (N, K) or B (K, N)

For compiled code only, unless Numba is switched off.
"""
