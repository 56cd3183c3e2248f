"""bfloat16 in LLVM code: rounding, pairs in a word, and pairs as float32. Numba has no type for it."""

from __future__ import annotations

from llvmlite import ir
from numba import types

from lstm_kernels.cpu.microkernel.registers import NATIVE_BFLOAT16
from lstm_kernels.numba_patches.codegen import signature
from lstm_kernels.numba_patches.untyped import intrinsic


class BFloat(ir.Type):
    """LLVM's type bfloat, which llvmlite lacks."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat)

    def __hash__(self) -> int:
        return hash(BFloat)


def _every(kind: ir.Type, value: int) -> ir.Constant:
    """Return the constant `value` of an integer type, or a vector of it."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def _like(kind: ir.Type, element: ir.Type) -> ir.Type:
    """Return `element`, or a vector of it as long as `kind`."""
    return ir.VectorType(element, kind.count) if isinstance(kind, ir.VectorType) else element


def rounded(builder: ir.IRBuilder, values: ir.Value) -> ir.Value:
    """Return the 16 bits of float32 values (a number or a vector) rounded to the nearest bfloat16, halves to even.

    Infinity and NaN are preserved.
    """
    short = _like(values.type, ir.IntType(16))
    if NATIVE_BFLOAT16:
        return builder.bitcast(builder.fptrunc(values, _like(values.type, BFloat())), short)
    wide = _like(values.type, ir.IntType(32))
    bits = builder.bitcast(values, wide)
    upper = builder.lshr(bits, _every(wide, 16))
    half = builder.add(_every(wide, 0x7FFF), builder.and_(upper, _every(wide, 1)))
    nearest = builder.lshr(builder.add(bits, half), _every(wide, 16))
    quiet = builder.or_(upper, _every(wide, 0x40))  # rounding must not carry a NaN into an infinity
    return builder.trunc(builder.select(builder.fcmp_unordered("uno", values, values), quiet, nearest), short)


def paired(builder: ir.IRBuilder, even: ir.Value, odd: ir.Value) -> ir.Value:
    """Return words (numbers or vectors) of two float32 in bfloat16."""
    words = _like(even.type, ir.IntType(32))
    low, high = (builder.zext(rounded(builder, values), words) for values in (even, odd))
    return builder.or_(low, builder.shl(high, _every(words, 16)))


def halves(builder: ir.IRBuilder, pairs: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Return the even and the odd numbers of pairs of bfloat16 (words of 32 bits) as float32."""
    numbers = _like(pairs.type, ir.FloatType())
    even = builder.shl(pairs, _every(pairs.type, 16))
    odd = builder.and_(pairs, _every(pairs.type, 0xFFFF0000))
    return builder.bitcast(even, numbers), builder.bitcast(odd, numbers)


@intrinsic
def bfloat16_bits(typingctx, x):
    """Return the bits of x, a float32, rounded to the nearest bfloat16."""

    def codegen(context, builder, sig, args):
        return rounded(builder, args[0])

    return signature(types.uint16, types.float32), codegen
