"""The instructions of Intel's tile unit (AMX), and their twin in software, under the same names.

A tile has 16 rows of 64 bytes: 16 x 16 float32, or 16 rows of 16 pairs of bfloat16. `multiply` is TDPBF16PS: to each
sum of tile `to` it adds the products of 16 pairs. Those of the even numbers are summed in the order of the pairs,
beginning with 0, those of the odd ones likewise, each with one rounding for a product and its addition; then the two
sums are added, and what they come to is added to the tile. Denormal inputs count as 0, and denormal results become 0.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS.

The twin keeps its tiles in memory. It differs from the unit where a result below the smallest normal number is rounded
up to it, which the unit decides before it limits the exponent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types

from lstm_kernels.cpu.microkernel.bfloat16 import halves
from lstm_kernels.cpu.microkernel.memory import WORD
from lstm_kernels.numba_patches.codegen import cgutils, signature
from lstm_kernels.numba_patches.untyped import intrinsic

SIDE = 16
"""Rows of a tile, and words of 4 bytes in each of them."""
TILE_BYTES = SIDE * SIDE * 4
TILE_COUNT = 8
STATE_BYTES = TILE_COUNT * TILE_BYTES
"""Memory for the tiles of the twin. The unit needs the first 64 bytes of it, for its configuration."""
_BYTE, _WORD32, _WORD64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_LANES = ir.VectorType(_WORD32, SIDE)
_NUMBERS = ir.VectorType(ir.FloatType(), SIDE)

Emit = Callable[[Any, list[Any]], None]
"""Writes the code of an instruction, given a builder and the operands."""


@dataclass(frozen=True)
class Instructions:
    """What a driver is made of; every function takes the address of the state first, and returns nothing."""

    begin: Any
    """begin(state): set the tiles up, once for each call of a driver."""
    end: Any
    """end(state): give them back."""
    clear: Callable[[int], Any]
    """clear(tile)(state)"""
    load: Callable[[int], Any]
    """load(tile)(state, address, distance): 16 rows, `distance` bytes from one to the next."""
    store: Callable[[int], Any]
    """store(tile)(state, address, distance)"""
    multiply: Callable[[int, int, int], Any]
    """multiply(to, left, right)(state): left holds 16 rows of pairs, right 16 pairs of rows."""


def _instruction(count: int, emit: Emit) -> Any:
    """Return an intrinsic of the state and `count` more words."""

    def codegen(context: Any, builder: Any, sig: Any, args: list[Any]) -> Any:
        emit(builder, args)
        return context.get_dummy_value()

    if count == 0:

        @intrinsic
        def run(typingctx, state):
            return signature(types.void, WORD), codegen

    else:

        @intrinsic
        def run(typingctx, state, address, distance):
            return signature(types.void, WORD, WORD, WORD), codegen

    return run


# --- the unit ---------------------------------------------------------------------------------------------------------


def _call(builder: Any, name: str, *operands: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), operands)


def _tile(number: int) -> Any:
    return ir.Constant(_BYTE, number)


def _pointer(builder: Any, address: Any, kind: Any = _BYTE) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _configure(builder: Any, args: list[Any]) -> None:
    """Palette 1, all tiles of 16 rows of 64 bytes: bytes 16 to 31 are the bytes of a row, 48 to 55 the rows."""
    for at in range(0, 64, 8):
        value = 1 if at == 0 else 0x0040004000400040 if at in (16, 24) else 0x1010101010101010 if at == 48 else 0
        place = builder.add(args[0], ir.Constant(args[0].type, at))
        builder.store(ir.Constant(_WORD64, value), _pointer(builder, place, _WORD64))
    _call(builder, "ldtilecfg", _pointer(builder, args[0]))


def _on_rows(name: str, tile: int) -> Any:
    """Return the instruction that moves a tile from or to memory."""
    return _instruction(2, lambda builder, args: _call(builder, name, _tile(tile), _pointer(builder, args[1]), args[2]))


def unit() -> Instructions:
    """Return the instructions of the processor."""
    return Instructions(
        begin=_instruction(0, _configure),
        end=_instruction(0, lambda builder, args: _call(builder, "tilerelease")),
        clear=lambda tile: _instruction(0, lambda builder, args: _call(builder, "tilezero", _tile(tile))),
        load=lambda tile: _on_rows("tileloadd64", tile),
        store=lambda tile: _on_rows("tilestored64", tile),
        multiply=lambda *tiles: _instruction(0, lambda builder, args: _call(builder, "tdpbf16ps", *map(_tile, tiles))),
    )


# --- its twin ---------------------------------------------------------------------------------------------------------

# Each instruction is a call of one function, not code of its own: a driver has thirty of them to compile.


def _called(builder: Any, name: str, operands: list[Any], write: Callable[[Any, Any], None]) -> None:
    """Call the function `name` of words, which `write` (a builder, its arguments) writes where it is not there yet."""
    function = builder.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [_WORD64] * len(operands))
        function = ir.Function(builder.module, kind, name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        inside = ir.IRBuilder(function.append_basic_block("entry"))
        write(inside, function.args)
        inside.ret_void()
    builder.call(function, operands)


def _fixed(value: int) -> Any:
    return ir.Constant(_WORD64, value)


def _sixteen(builder: Any) -> Any:
    """Return 16, hidden from the compiler, which would otherwise write a loop out 16 times."""
    hide = ir.InlineAsm(ir.FunctionType(_WORD64, [_WORD64]), "", "=r,0")
    return builder.call(hide, [_fixed(SIDE)])


def _at(builder: Any, start: Any, count: Any, size: Any) -> Any:
    """Return the address of element `count` of `size` bytes after `start`."""
    return builder.add(start, builder.mul(count, size))


def _place(builder: Any, state: Any, tile: int) -> Any:
    return builder.add(state, _fixed(tile * TILE_BYTES))


def _flushed(builder: Any, numbers: Any) -> Any:
    """Return numbers with 0, of the same sign, in the place of denormal ones."""
    bits = builder.bitcast(numbers, _LANES)
    exponent = builder.and_(bits, ir.Constant(_LANES, [0x7F800000] * SIDE))
    is_small = builder.icmp_unsigned("==", exponent, ir.Constant(_LANES, [0] * SIDE))
    signs = builder.and_(bits, ir.Constant(_LANES, [0x80000000] * SIDE))
    return builder.bitcast(builder.select(is_small, signs, bits), _NUMBERS)


def _multiply_add(builder: Any, x: Any, y: Any, total: Any) -> Any:
    kind = ir.FunctionType(_NUMBERS, [_NUMBERS] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{SIDE}f32")
    return _flushed(builder, builder.call(fma, [_flushed(builder, x), _flushed(builder, y), total]))


def _write_move(builder: Any, args: Any) -> None:
    source, source_distance, target, target_distance = args
    with cgutils.for_range(builder, _sixteen(builder)) as row:
        read = _pointer(builder, _at(builder, source, row.index, source_distance), _LANES)
        written = _pointer(builder, _at(builder, target, row.index, target_distance), _LANES)
        builder.store(builder.load(read, align=4), written, align=4)


def _write_clear(builder: Any, args: Any) -> None:
    with cgutils.for_range(builder, _sixteen(builder)) as row:
        place = _pointer(builder, _at(builder, args[0], row.index, _fixed(SIDE * 4)), _LANES)
        builder.store(ir.Constant(_LANES, [0] * SIDE), place, align=4)


def _write_multiply(builder: Any, args: Any) -> None:
    to, left, right = args
    row_bytes, zeros = _fixed(SIDE * 4), ir.Constant(_NUMBERS, [0.0] * SIDE)
    sums = [cgutils.alloca_once(builder, _NUMBERS) for _ in range(2)]
    count = _sixteen(builder)
    with cgutils.for_range(builder, count) as row:
        for total in sums:
            builder.store(zeros, total)
        with cgutils.for_range(builder, count) as pair:
            at = _at(builder, _at(builder, left, row.index, row_bytes), pair.index, _fixed(4))
            value = builder.load(_pointer(builder, at, _WORD32), align=4)
            first = builder.insert_element(ir.Constant(_LANES, ir.Undefined), value, ir.Constant(_WORD32, 0))
            spread = builder.shuffle_vector(first, first, ir.Constant(_LANES, [0] * SIDE))
            columns = builder.load(_pointer(builder, _at(builder, right, pair.index, row_bytes), _LANES), align=4)
            for x, y, total in zip(halves(builder, spread), halves(builder, columns), sums, strict=True):
                builder.store(_multiply_add(builder, x, y, builder.load(total)), total)
        place = _pointer(builder, _at(builder, to, row.index, row_bytes), _NUMBERS)
        both = _flushed(builder, builder.fadd(builder.load(sums[0]), builder.load(sums[1])))
        before = _flushed(builder, builder.load(place, align=4))
        builder.store(_flushed(builder, builder.fadd(before, both)), place, align=4)


def _twin_clear(tile: int) -> Any:
    return _instruction(
        0,
        lambda builder, args: _called(
            builder, "lstm_kernels_twin_clear", [_place(builder, args[0], tile)], _write_clear
        ),
    )  # fmt: skip


def _twin_move(tile: int, *, to_memory: bool) -> Any:
    def emit(builder: Any, args: list[Any]) -> None:
        own, other = [_place(builder, args[0], tile), _fixed(SIDE * 4)], args[1:]
        operands = [*own, *other] if to_memory else [*other, *own]
        _called(builder, "lstm_kernels_twin_move", operands, _write_move)

    return _instruction(2, emit)


def _twin_multiply(*tiles: int) -> Any:
    def emit(builder: Any, args: list[Any]) -> None:
        places = [_place(builder, args[0], tile) for tile in tiles]
        _called(builder, "lstm_kernels_twin_multiply", places, _write_multiply)

    return _instruction(0, emit)


def twin() -> Instructions:
    """Return the same instructions in software, for any processor."""
    return Instructions(
        begin=_instruction(0, lambda builder, args: None),
        end=_instruction(0, lambda builder, args: None),
        clear=_twin_clear,
        load=lambda tile: _twin_move(tile, to_memory=False),
        store=lambda tile: _twin_move(tile, to_memory=True),
        multiply=_twin_multiply,
    )
