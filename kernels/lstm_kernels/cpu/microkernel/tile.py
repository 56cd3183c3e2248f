"""One tile of C = A B, which stays in vector registers while a loop runs over K."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from lstm_kernels.cpu.arrays import CACHE_LINE
from lstm_kernels.cpu.microkernel.bfloat16 import BFloat, halves
from lstm_kernels.cpu.microkernel.memory import WORD, prefetch_line
from lstm_kernels.cpu.microkernel.registers import NATIVE_BFLOAT16, PRECISIONS, Registers
from lstm_kernels.numba_patches.codegen import cgutils, signature
from lstm_kernels.numba_patches.untyped import intrinsic

UNROLL = 2
"""Values of K in one pass of the loop: fewer instructions, which counts where two programs share a core."""


def tile_of(precision: str, registers: Registers, rows: int, vectors: int) -> Any:
    """Return tile(A, row, B, K, C, ldc, plus, ldp, live, ahead): C (rows, live) = A B + plus.

    A, B, C  addresses; B is a panel (K, vectors), A has rows of `row` words, C of ldc numbers
    plus     address of the array that is added, its rows ldp numbers apart; or 0 for none
    live     columns to write, where the tile is one vector wide
    ahead    address to prefetch, a cache line for each k
    """
    word_bytes = PRECISIONS[precision].itemsize
    lanes = registers.bytes // word_bytes
    masked = vectors == 1

    @intrinsic
    def tile(typingctx, A, row, B, K, C, ldc, plus, ldp, live, ahead):
        sig = signature(types.void, *[WORD] * 10)

        def codegen(context, builder, sig, args):
            A, row, B, K, C, ldc, plus, ldp, live, ahead = args
            word, lane = A.type, ir.IntType(32)
            number = ir.DoubleType() if precision == "float64" else ir.FloatType()
            vector = ir.VectorType(number, lanes)
            element = ir.IntType(32) if precision == "bfloat16" else number
            read = ir.VectorType(element, lanes)
            every_lane = ir.Constant(ir.VectorType(lane, lanes), [0] * lanes)

            def fixed(value):
                return ir.Constant(word, value)

            def at(address, words):
                return builder.add(address, builder.mul(words, fixed(word_bytes)))

            def pointer(address, kind):
                return builder.inttoptr(address, kind.as_pointer())

            def call(name, result, *operands):
                kind = ir.FunctionType(result, [operand.type for operand in operands])
                return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)

            def spread(value):
                first = builder.insert_element(ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined), value,
                                               ir.Constant(lane, 0))  # fmt: skip
                return builder.shuffle_vector(first, first, every_lane)

            def multiply_add(x, y, total):
                if precision != "bfloat16":
                    return call(f"llvm.fma.v{lanes}f{8 * word_bytes}", vector, x, y, total)
                if NATIVE_BFLOAT16:
                    pairs = ir.VectorType(BFloat(), 2 * lanes)
                    x, y = builder.bitcast(x, pairs), builder.bitcast(y, pairs)
                    return call(f"llvm.x86.avx512bf16.dpbf16ps.{8 * registers.bytes}", vector, total, x, y)
                for of_x, of_y in zip(halves(builder, x), halves(builder, y), strict=True):
                    total = call(f"llvm.fma.v{lanes}f32", vector, of_x, of_y, total)
                return total

            # Hidden from the compiler, which would otherwise compute each from the one before, at each k.
            hide = ir.InlineAsm(ir.FunctionType(word, [word]), "", "=r,0")
            a_rows = [builder.call(hide, [at(A, builder.mul(fixed(r), row))]) for r in range(rows)]

            def vectors_at(address, distance):
                return [
                    pointer(at(address, builder.add(builder.mul(fixed(r), distance), fixed(v * lanes))), vector)
                    for r in range(rows)
                    for v in range(vectors)
                ]

            places = vectors_at(C, ldc)
            zeros = ir.Constant(vector, [0.0] * lanes)
            name = f"v{lanes}f{64 if precision == 'float64' else 32}.p0"
            align = ir.Constant(lane, word_bytes)
            if masked:
                indices = ir.Constant(ir.VectorType(lane, lanes), list(range(lanes)))
                mask = builder.icmp_signed("<", indices, spread(builder.trunc(live, lane)))

            # The lines of C are far apart, so they are prefetched while the sums accumulate.
            for place in places:
                prefetch_line(builder, place, write=True)

            def sums_of(k, sums):
                """Return the sums with one k more."""
                panel = at(B, builder.mul(k, fixed(vectors * lanes)))
                columns = [
                    builder.load(pointer(at(panel, fixed(v * lanes)), read), align=word_bytes) for v in range(vectors)
                ]
                line = builder.add(ahead, builder.mul(k, fixed(CACHE_LINE)))
                prefetch_line(builder, pointer(line, ir.IntType(8)), near=2)
                results = []
                for r in range(rows):
                    value = spread(builder.load(pointer(at(a_rows[r], k), element)))
                    results += [
                        multiply_add(value, y, total)
                        for y, total in zip(columns, sums[r * vectors : (r + 1) * vectors], strict=True)
                    ]
                return results

            def merged(*ways):
                """Return k and sums in this basic block, given (block, k, sums) of each that branches to it."""
                k, sums = builder.phi(word), [builder.phi(vector) for _ in places]
                for way in ways:
                    lead(k, sums, *way)
                return k, sums

            def lead(k, sums, block, of_k, of_sums):
                """Add the values that k and sums have when `block` branches here."""
                for value, incoming in zip([k, *sums], [of_k, *of_sums], strict=True):
                    value.add_incoming(incoming, block)

            # The unrolled loop, then the rest of K.
            start = builder.block
            several, rest, one, after, add, store = map(
                builder.append_basic_block, ("several", "rest", "one", "after", "add", "store")
            )
            begin = start, fixed(0), [zeros] * len(places)
            whole = builder.and_(K, fixed(-UNROLL))
            builder.cbranch(builder.icmp_signed(">", whole, fixed(0)), several, rest)

            builder.position_at_end(several)
            k, sums = merged(begin)
            results = sums
            for number in range(UNROLL):
                results = sums_of(builder.add(k, fixed(number)), results)
            following = builder.add(k, fixed(UNROLL))
            lead(k, sums, several, following, results)
            builder.cbranch(builder.icmp_signed("<", following, whole), several, rest)

            builder.position_at_end(rest)
            k, sums = merged(begin, (several, following, results))
            builder.cbranch(builder.icmp_signed("<", k, K), one, after)

            builder.position_at_end(one)
            of_k, of_sums = merged((rest, k, sums))
            results = sums_of(of_k, of_sums)
            following = builder.add(of_k, fixed(1))
            lead(of_k, of_sums, one, following, results)
            builder.cbranch(builder.icmp_signed("<", following, K), one, after)

            builder.position_at_end(after)
            k, results = merged((rest, k, sums), (one, following, results))
            builder.cbranch(builder.icmp_signed("!=", plus, fixed(0)), add, store)
            builder.position_at_end(add)
            totals = []
            for place, result in zip(vectors_at(plus, ldp), results, strict=True):
                if masked:
                    value = call(f"llvm.masked.load.{name}", vector, place, align, mask, zeros)
                else:
                    value = builder.load(place, align=word_bytes)
                totals.append(builder.fadd(result, value))
            builder.branch(store)
            builder.position_at_end(store)
            _, results = merged((after, k, results), (add, k, totals))
            for place, result in zip(places, results, strict=True):
                if masked:
                    call(f"llvm.masked.store.{name}", ir.VoidType(), result, place, align, mask)
                else:
                    builder.store(result, place, align=word_bytes)
            return context.get_dummy_value()

        return sig, codegen

    return tile
