"""C = A B for the few rows of one time step, in registers: what BLAS is slow at.

BLAS copies the weights into an order of its own at every call, which pays for many rows, not for the 16 or 32 of a
step of the recurrence. Here a tile of C stays in vector registers while it walks over K, and B is read where it lies.
Each element is summed in the order of K, so that a row's result does not depend on which rows are beside it.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import register_jitable

from lstm_kernels.compile import SETTINGS, intrinsic
from lstm_kernels.cpu.product import product

_features = llvmlite.binding.get_host_cpu_features()
# Bytes of a vector, and vectors in a row of a tile: with 6 rows, the sums, a row of B and one value of A fill the
# registers, which are 32 of 64 bytes, 16 of 32 (AVX2) or 32 of 16 (NEON).
VECTOR_BYTES, VECTORS = (64, 4) if _features.get("avx512f") else (32, 2) if _features.get("avx2") else (16, 4)


def _make_tile(rows: int) -> Any:
    @intrinsic
    def tile(typingctx, A, B, add, C, m, n):
        """C[m : m + rows, n : n + VECTORS vectors] = A B, or added to it; A (M, K), B (K, N), C (M, N), K > 0."""
        sig = signature(types.void, A, B, types.boolean, C, types.intp, types.intp)
        bits = A.dtype.bitwidth
        lanes = VECTOR_BYTES * 8 // bits
        vector = ir.VectorType(ir.FloatType() if bits == 32 else ir.DoubleType(), lanes)

        def codegen(context, builder, sig, args):
            m, n = args[4:]
            word = n.type

            def number(value):
                return ir.Constant(word, value)

            def rows_of(at, first, count):
                """Return pointers to rows of an array, and the distance from one to the next in elements."""
                array = context.make_array(sig.args[at])(context, builder, args[at])
                distance = builder.sdiv(cgutils.unpack_tuple(builder, array.strides)[0], number(bits // 8))
                steps = [builder.mul(builder.add(first, number(row)), distance) for row in range(count)]
                return [builder.gep(array.data, [step]) for step in steps], distance

            def vectors_from(pointer):
                places = [builder.gep(pointer, [number(at * lanes)]) for at in range(VECTORS)]
                return [builder.bitcast(place, vector.as_pointer()) for place in places]

            (a_rows, _), ((b_row,), ldb), (c_rows, _) = (
                rows_of(0, m, rows),
                rows_of(1, number(0), 1),
                rows_of(3, m, rows),
            )
            K = cgutils.unpack_tuple(builder, context.make_array(sig.args[0])(context, builder, args[0]).shape)[1]
            b_row = builder.gep(b_row, [n])
            places = [place for row in c_rows for place in vectors_from(builder.gep(row, [n]))]
            zeros = ir.Constant(vector, [0.0] * lanes)
            start = [builder.select(args[2], builder.load(place, align=bits // 8), zeros) for place in places]
            fma_type = ir.FunctionType(vector, [vector] * 3)
            fma = cgutils.get_or_insert_function(builder.module, fma_type, f"llvm.fma.v{lanes}f{bits}")
            first_lane = ir.Constant(ir.IntType(32), 0)
            every_lane = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            undefined = ir.Constant(vector, ir.Undefined)

            before, loop, after = builder.block, builder.append_basic_block("k"), builder.append_basic_block("done")
            builder.branch(loop)
            builder.position_at_end(loop)
            k, sums = builder.phi(word), [builder.phi(vector) for _ in places]
            columns = vectors_from(builder.gep(b_row, [builder.mul(k, ldb)]))
            columns = [builder.load(place, align=bits // 8) for place in columns]
            results = []
            for row in range(rows):
                value = builder.insert_element(undefined, builder.load(builder.gep(a_rows[row], [k])), first_lane)
                value = builder.shuffle_vector(value, undefined, every_lane)
                of_row = sums[row * VECTORS : (row + 1) * VECTORS]
                results += [builder.call(fma, [value, x, y]) for x, y in zip(columns, of_row, strict=True)]
            k_next = builder.add(k, number(1))
            for running, first, following in zip([k, *sums], [number(0), *start], [k_next, *results], strict=True):
                running.add_incoming(first, before)
                running.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", k_next, K), loop, after)
            builder.position_at_end(after)
            for place, result in zip(places, results, strict=True):
                builder.store(result, place, align=bits // 8)
            return context.get_dummy_value()

        return sig, codegen

    return tile


# Four heights make any number of rows; all six would take a third longer to compile, in every cell.
_tile6, _tile4, _tile2, _tile1 = (_make_tile(rows) for rows in (6, 4, 2, 1))


def _multiply(A, B, add, C):
    M, N = C.shape
    columns = VECTOR_BYTES // A.itemsize * VECTORS
    whole = N - N % columns
    for n in range(0, whole, columns):
        m = 0
        while M - m >= 6:
            _tile6(A, B, add, C, m, n)
            m += 6
        if M - m >= 4:
            _tile4(A, B, add, C, m, n)
            m += 4
        if M - m >= 2:
            _tile2(A, B, add, C, m, n)
            m += 2
        if M - m >= 1:
            _tile1(A, B, add, C, m, n)
    product(False, False, 1.0, A, B[:, whole:], 1.0 if add else 0.0, C[:, whole:])


def _numpy_multiply(A, B, add, C):
    product(False, False, 1.0, A, B, 1.0 if add else 0.0, C)


multiply: Any = _numpy_multiply if SETTINGS.DISABLE_JIT else register_jitable(_multiply)
"""multiply(A, B, add, C): C (M, N) = A (M, K) B (K, N), or added to C; all C-contiguous rows, any distance between."""
