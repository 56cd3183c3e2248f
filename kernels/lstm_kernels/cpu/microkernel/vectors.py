"""The micro-kernel: C = A B for a tile of C that stays in vector registers while it walks over K.

B lies in panels, as wide as a tile, in the order in which they are read (`packed.py`); A is read where it lies, one
value broadcast to all lanes. One driver per precision lays the tiles over any M and N. It is compiled once for the
machine and registered as a symbol, so that the kernels call it by name, as they would a BLAS, and hold no copy of it.

Each element is summed in the order of K, whatever tile it falls into: a row's result does not depend on which rows are
beside it, nor on how many threads share them out.

Source of the method: Van Zee and van de Geijn 2015, BLIS, https://doi.org/10.1145/2764454.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import register_jitable
from numba.np.arrayobj import make_array

from lstm_kernels.cpu.arrays import CACHE_LINE
from lstm_kernels.jit import SETTINGS, export, intrinsic

PRECISIONS: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "bfloat16": np.dtype(np.uint32),
}
"""What a packed word is: a number, or for bfloat16 two of them that follow each other in K."""

WORD = types.intp
AT_ONCE = 2
"""Values of K that a turn of the loop takes: fewer instructions, which count where two programs share a core."""
SYMBOL = "lstm_kernels_multiply"


class Registers(NamedTuple):
    """The vector registers that a tile is made for."""

    bytes: int
    """Of one vector."""
    widths: tuple[int, ...]
    """Vectors in a row of a tile, the widest first; the last is 1."""
    block: int
    """Rows of A that are taken at once."""
    depth: int
    """Words in K that are taken at once. A block of A of this depth stays in the second-level cache, and a panel of B
    there too, or in the first where that has room for it."""

    def columns(self, word_bytes: int) -> tuple[int, ...]:
        """Return the widths in words."""
        return tuple(vectors * self.bytes // word_bytes for vectors in self.widths)


REGISTERS = {
    "avx512": Registers(64, (4, 2, 1), 192, 768),  # 32 registers
    "avx2": Registers(32, (2, 1), 192, 256),  # 16
    "portable": Registers(16, (4, 2, 1), 192, 256),  # 32 of NEON; elsewhere the compiler spills some
}

_features = llvmlite.binding.get_host_cpu_features()
TILES = os.environ.get("LSTM_KERNELS_TILES") or (
    "avx512" if _features.get("avx512f") else "avx2" if _features.get("avx2") and _features.get("fma") else "portable"
)
"""The kind of tiles in use; the environment variable is for tests of the others on one machine."""
HAS_BFLOAT16 = not SETTINGS.DISABLE_JIT
"""Whether products of bfloat16 can be had: by compiled code only."""
NATIVE_BFLOAT16 = (
    not SETTINGS.DISABLE_JIT
    and TILES == "avx512"
    and bool(_features.get("avx512bf16"))
    and llvmlite.binding.get_host_cpu_name().startswith("znver")
)
"""Whether this processor multiplies pairs of bfloat16 and adds them up in float32, and gains by it. Elsewhere each
number of a pair is made a float32 again in registers and multiplied so, which halves the bytes that are read, not the
multiply-adds. AMD's take as long for a pair as for a number (446 against 230 GFLOP/s on two cores of an EPYC), Intel's
four times as long (97 against 200 GFLOP/s on one core of Emerald Rapids): they have other units for it, AMX."""


class _BFloat(ir.Type):
    """LLVM's bfloat, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


ROWS = {"float32": 6, "float64": 6, "bfloat16": 6 if NATIVE_BFLOAT16 else 5}
"""Height of the highest tile; with so many rows of the widest, the sums, a row of B and one value of A fill the
registers; where pairs are taken apart, so do theirs. The tiles of a product are as high as each other, or differ by
one: a tile of few rows waits for its own sums."""


def _every(kind: ir.Type, value: int) -> ir.Constant:
    """Return the constant `value` of an integer type, or a vector full of it."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def _like(kind: ir.Type, element: ir.Type) -> ir.Type:
    """Return `element`, or a vector as long as `kind` of it."""
    return ir.VectorType(element, kind.count) if isinstance(kind, ir.VectorType) else element


def _rounded(builder: ir.IRBuilder, values: ir.Value) -> ir.Value:
    """Return the bits, 16 of each, of float32 values (a number or a vector) rounded to the nearest bfloat16, halves to
    even. Infinities stay so, and what is no number stays none."""
    short = _like(values.type, ir.IntType(16))
    if NATIVE_BFLOAT16:
        return builder.bitcast(builder.fptrunc(values, _like(values.type, _BFloat())), short)
    wide = _like(values.type, ir.IntType(32))
    bits = builder.bitcast(values, wide)
    upper = builder.lshr(bits, _every(wide, 16))
    half = builder.add(_every(wide, 0x7FFF), builder.and_(upper, _every(wide, 1)))
    nearest = builder.lshr(builder.add(bits, half), _every(wide, 16))
    quiet = builder.or_(upper, _every(wide, 0x40))  # a carry must not make a number of what is none
    return builder.trunc(builder.select(builder.fcmp_unordered("uno", values, values), quiet, nearest), short)


def _paired(builder: ir.IRBuilder, even: ir.Value, odd: ir.Value) -> ir.Value:
    """Return words (numbers or vectors) of two float32 in bfloat16."""
    words = _like(even.type, ir.IntType(32))
    low, high = (builder.zext(_rounded(builder, values), words) for values in (even, odd))
    return builder.or_(low, builder.shl(high, _every(words, 16)))


def _halves(builder: ir.IRBuilder, pairs: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Return the even and the odd numbers of pairs of bfloat16 (words of 32 bits) as float32."""
    numbers = _like(pairs.type, ir.FloatType())
    even = builder.shl(pairs, _every(pairs.type, 16))
    odd = builder.and_(pairs, _every(pairs.type, 0xFFFF0000))
    return builder.bitcast(even, numbers), builder.bitcast(odd, numbers)


@intrinsic
def bfloat16_bits(typingctx, x):
    """Return the bits of x, a float32, rounded to the nearest bfloat16."""

    def codegen(context, builder, sig, args):
        return _rounded(builder, args[0])

    return signature(types.uint16, types.float32), codegen


SIDE = 16
"""Of the blocks that `transpose` takes."""


def _transpose(pairs: str = "") -> Any:
    """Return transpose(source, distance, target, column), which writes a block of SIDE rows of SIDE words transposed.

    pairs     what makes a word of two float32 of the source, rounded to bfloat16: those that follow each other
              "across" in a row, or "down" in a column; "" where words are float32 themselves
    source    address of the block; distance bytes from one of its rows to the next
    target    address of the first word of the first column; column bytes from one column to the next

    Interleaving the rows with those half a block below, once for each bit of an index, turns rows into columns.
    """

    @intrinsic
    def transpose(typingctx, source, distance, target, column):
        def codegen(context, builder, sig, args):
            source, distance, target, column = args
            word, lane = source.type, ir.IntType(32)
            words = ir.VectorType(lane, SIDE)
            numbers = ir.VectorType(ir.FloatType(), 2 * SIDE if pairs == "across" else SIDE) if pairs else words

            def row_at(start, step, r, kind):
                address = builder.add(start, builder.mul(ir.Constant(word, r), step))
                return builder.inttoptr(address, kind.as_pointer())

            count = 2 * SIDE if pairs == "down" else SIDE
            rows = [builder.load(row_at(source, distance, r, numbers), align=4) for r in range(count)]
            if pairs == "across":
                rows = [builder.bitcast(_rounded(builder, row), words) for row in rows]
            elif pairs == "down":
                rows = [_paired(builder, even, odd) for even, odd in zip(rows[::2], rows[1::2], strict=True)]
            low = [at for k in range(SIDE // 2) for at in (k, k + SIDE)]
            interleave = [ir.Constant(words, [k + start for k in low]) for start in (0, SIDE // 2)]
            for _ in range(SIDE.bit_length() - 1):
                pairs_of_rows = zip(rows[: SIDE // 2], rows[SIDE // 2 :], strict=True)
                rows = [builder.shuffle_vector(a, b, order) for a, b in pairs_of_rows for order in interleave]
            for r, row in enumerate(rows):
                builder.store(row, row_at(target, column, r, words), align=4)
            return context.get_dummy_value()

        return signature(types.void, WORD, WORD, WORD, WORD), codegen

    return transpose


transpose, transpose_pairs, transpose_rows_of_pairs = _transpose(), _transpose("across"), _transpose("down")


@intrinsic
def address(typingctx, array, i, j):
    """Return the address of array[i, j], or of array[i * j] where the array has one dimension (i is 1 then).

    As array[i:, j:].ctypes.data, whose slices take a tenth of a second to compile.
    """

    def codegen(context, builder, sig, args):
        word = args[1].type
        held = make_array(sig.args[0])(context, builder, args[0])
        strides = [*cgutils.unpack_tuple(builder, held.strides, sig.args[0].ndim)]
        offset = builder.mul(args[2], strides[-1])
        if len(strides) == 2:
            offset = builder.add(offset, builder.mul(args[1], strides[0]))
        return builder.add(builder.ptrtoint(held.data, word), offset)

    return signature(WORD, array, WORD, WORD), codegen


_BYTE = ir.IntType(8).as_pointer()


def _fetch(builder: ir.IRBuilder, place: ir.Value, *, write: bool = False, near: int = 3) -> None:
    """Have the line of memory at a pointer brought into the cache, while other work goes on; `near` 3 is the first
    level, 2 the second."""
    lane = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [_BYTE, lane, lane, lane])
    call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    how = [ir.Constant(lane, value) for value in (int(write), near, 1)]
    builder.call(call, [builder.bitcast(place, _BYTE), *how])


@intrinsic
def prefetch(typingctx, place):
    """Have the line of memory at an address brought into the cache, while other work goes on."""

    def codegen(context, builder, sig, args):
        _fetch(builder, builder.inttoptr(args[0], _BYTE))
        return context.get_dummy_value()

    return signature(types.void, WORD), codegen


def _lay_vector(precision: str) -> Any:
    """Return lay(row, below, to), which makes a vector of a panel at one address of numbers at another; for bfloat16 of
    pairs of those at `row` and at `below`."""
    number = ir.DoubleType() if precision == "float64" else ir.FloatType()
    count = REGISTERS[TILES].columns(PRECISIONS[precision].itemsize)[-1]

    @intrinsic
    def lay(typingctx, row, below, to):
        def codegen(context, builder, sig, args):
            def read(address):
                return builder.load(builder.inttoptr(address, ir.VectorType(number, count).as_pointer()), align=4)

            values = read(args[0])
            if precision == "bfloat16":
                values = _paired(builder, values, read(args[1]))
            builder.store(values, builder.inttoptr(args[2], values.type.as_pointer()), align=4)
            return context.get_dummy_value()

        return signature(types.void, WORD, WORD, WORD), codegen

    return lay


lay_vector = {precision: _lay_vector(precision) for precision in PRECISIONS}


def _tile(precision: str, registers: Registers, rows: int, vectors: int) -> Any:
    """Return tile(A, row, B, K, C, ldc, plus, ldp, live, ahead): C (rows, live) = A B, or that and what is at plus.

    A, B, C  addresses; B is a panel (K, vectors), A has rows of `row` words, C of ldc numbers
    plus     address of what is added to the sums, rows of it ldp numbers apart; or 0, and nothing is added
    live     columns that are written, of the last vector only
    ahead    address of what will be needed soon, a line for each k
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
                    pairs = ir.VectorType(_BFloat(), 2 * lanes)
                    x, y = builder.bitcast(x, pairs), builder.bitcast(y, pairs)
                    return call(f"llvm.x86.avx512bf16.dpbf16ps.{8 * registers.bytes}", vector, total, x, y)
                for of_x, of_y in zip(_halves(builder, x), _halves(builder, y), strict=True):
                    total = call(f"llvm.fma.v{lanes}f32", vector, of_x, of_y, total)
                return total

            # Kept from the compiler, which would else compute each from the one before, at each k.
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

            # The lines of C are fetched while the sums are made: they are far apart.
            for place in places:
                _fetch(builder, place, write=True)

            def sums_of(k, sums):
                """Return the sums with those of one k."""
                panel = at(B, builder.mul(k, fixed(vectors * lanes)))
                columns = [
                    builder.load(pointer(at(panel, fixed(v * lanes)), read), align=word_bytes) for v in range(vectors)
                ]
                _fetch(builder, pointer(builder.add(ahead, builder.mul(k, fixed(CACHE_LINE))), ir.IntType(8)), near=2)
                results = []
                for r in range(rows):
                    value = spread(builder.load(pointer(at(a_rows[r], k), element)))
                    results += [
                        multiply_add(value, y, total)
                        for y, total in zip(columns, sums[r * vectors : (r + 1) * vectors], strict=True)
                    ]
                return results

            def merged(*ways):
                """Return k and sums here, given those of the blocks that lead here: (block, k, sums) each."""
                k, sums = builder.phi(word), [builder.phi(vector) for _ in places]
                for way in ways:
                    lead(k, sums, *way)
                return k, sums

            def lead(k, sums, block, of_k, of_sums):
                """Let k and sums be others where `block` leads to them."""
                for value, incoming in zip([k, *sums], [of_k, *of_sums], strict=True):
                    value.add_incoming(incoming, block)

            # Some k at once, then those that are left.
            start = builder.block
            several, rest, one, after, add, store = map(
                builder.append_basic_block, ("several", "rest", "one", "after", "add", "store")
            )
            begin = start, fixed(0), [zeros] * len(places)
            whole = builder.and_(K, fixed(-AT_ONCE))
            builder.cbranch(builder.icmp_signed(">", whole, fixed(0)), several, rest)

            builder.position_at_end(several)
            k, sums = merged(begin)
            results = sums
            for number in range(AT_ONCE):
                results = sums_of(builder.add(k, fixed(number)), results)
            following = builder.add(k, fixed(AT_ONCE))
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


def _column(precision: str, registers: Registers, vectors: int) -> Any:
    """Return a function that lays tiles of one width over all rows."""
    most = ROWS[precision]
    # Where no tile is so high, the last stands in for those that are never reached.
    tile1, tile2, tile3, tile4, tile5, tile6 = (
        _tile(precision, registers, min(rows, most), vectors) for rows in range(1, 7)
    )
    word_bytes = PRECISIONS[precision].itemsize

    def column(M, A, row, B, K, C, ldc, plus, ldp, live, following):
        tiles = (M + most - 1) // most
        rows, higher = M // tiles, M % tiles
        for n in range(tiles):
            height = rows + 1 if n < higher else rows
            ahead = following + n * K * CACHE_LINE if n < vectors else B
            if height == 6:
                tile6(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 5:
                tile5(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 4:
                tile4(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 3:
                tile3(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 2:
                tile2(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            else:
                tile1(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            A, C = A + height * row * word_bytes, C + height * ldc * word_bytes
            if plus != 0:
                plus += height * ldp * word_bytes

    return column


def _driver(precision: str, registers: Registers) -> Any:
    """Return the function behind `drive`."""
    wide, *between, narrow = (register_jitable(_column(precision, registers, v)) for v in registers.widths)
    middle, has_middle = (between[0], True) if between else (narrow, False)
    columns = registers.columns(PRECISIONS[precision].itemsize)
    width, half, least = columns[0], columns[-2], columns[-1]
    word_bytes = PRECISIONS[precision].itemsize

    def driver(M, N, K, A, row, B, depth, first, C, ldc, plus, ldp):
        n = 0
        while N - n >= width:
            panel = B + (depth * n + first * width) * word_bytes
            to_add = plus + n * word_bytes if plus != 0 else 0
            wide(M, A, row, panel, K, C + n * word_bytes, ldc, to_add, ldp, width, panel + depth * width * word_bytes)
            n += width
        if has_middle:  # noqa: SIM102  (a constant, whose branch is left out when it is false)
            if N - n >= half:
                panel = B + (depth * n + first * half) * word_bytes
                to_add = plus + n * word_bytes if plus != 0 else 0
                middle(M, A, row, panel, K, C + n * word_bytes, ldc, to_add, ldp, half, panel)
                n += half
        while N - n > 0:
            panel = B + (depth * n + first * least) * word_bytes
            to_add = plus + n * word_bytes if plus != 0 else 0
            narrow(M, A, row, panel, K, C + n * word_bytes, ldc, to_add, ldp, min(least, N - n), panel)
            n += least

    return driver


@cache
def prepare(precision: str) -> np.dtype[Any]:
    """Have the driver of `precision` compiled and its name known, and return the dtype of its packed words.

    Raises ValueError for bfloat16 where nothing is compiled.
    """
    if precision == "bfloat16" and not HAS_BFLOAT16:
        raise ValueError("bfloat16 products are compiled code, and Numba is told not to compile")
    if not SETTINGS.DISABLE_JIT:
        driver = _driver(precision, REGISTERS[TILES])
        export(f"{SYMBOL}_{precision}", driver, types.void(*[WORD] * 12), stamp=f"{precision} {TILES}")
    return PRECISIONS[precision]


def _call(precision: str) -> Any:
    @intrinsic
    def drive(typingctx, M, N, K, A, row, B, depth, first, C, ldc, plus, ldp):
        def codegen(context, builder, sig, args):
            kind = ir.FunctionType(ir.VoidType(), [arg.type for arg in args])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{SYMBOL}_{precision}"), args)
            return context.get_dummy_value()

        return signature(types.void, *[WORD] * 12), codegen

    return drive


drive = {precision: _call(precision) for precision in PRECISIONS}
"""drive[precision](M, N, K, A, row, B, depth, first, C, ldc, plus, ldp): C (M, N) = A B, or that and what is at plus.

A, B, C  addresses
row      words from one row of A to the next
depth    words of the whole packed B in K; those from `first` on take part
ldc      numbers from one row of C to the next
plus     address of what is added: C itself, or a bias; or 0
ldp      numbers from one row of that to the next; 0 for a bias

K, depth, first and row count words: pairs of numbers for bfloat16.
"""
