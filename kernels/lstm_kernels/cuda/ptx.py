"""Instructions of the GPU that Numba has no function for.

    arrive(a, i)   add 1 to a[i]; other blocks then see all that this block wrote before      red.release.gpu
    arrived(a, i)  read a[i]; this block then sees all that others wrote before they arrived   ld.acquire.gpu

a is int32, one counter for each group of blocks that wait for each other. Only one thread of a block calls them, with a
barrier of the block before and after. See Nvidia, PTX ISA, "Memory consistency model".

    load4(a, i)    a[i], a[i + 1], a[i + 2] and a[i + 3] of an array of one dimension, in shared memory, at once;
                   i is a multiple of 4                                                                 ld.shared.v4
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.cuda.launch import SIMULATED

if SIMULATED:
    # Blocks of the simulator run one after the other and cannot wait for each other.
    def arrive(a, i):
        raise NotImplementedError

    def arrived(a, i):
        raise NotImplementedError

    def load4(a, i):
        return a[i], a[i + 1], a[i + 2], a[i + 3]

else:
    from llvmlite import ir
    from numba import types

    from lstm_kernels.numba_patches.cuda_codegen import cgutils, intrinsic, make_array, signature

    def _pointer(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = sig.args[0]
        array = make_array(kind)(context, builder, args[0])
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        return cgutils.get_item_pointer(context, builder, kind, array, [index])

    def _assembly(builder: Any, text: str, result: Any, operands: list[Any], constraints: str) -> Any:
        kind = ir.FunctionType(result, [operand.type for operand in operands])
        return builder.asm(kind, text, constraints, operands, side_effect=True)

    @intrinsic
    def arrive(typingctx: Any, a: Any, i: Any) -> Any:
        """Add 1 to a[i]."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            number = ir.IntType(32)
            operands = [builder.ptrtoint(_pointer(context, builder, sig, args), ir.IntType(64)), ir.Constant(number, 1)]
            _assembly(builder, "red.release.gpu.global.add.s32 [$0], $1;", ir.VoidType(), operands, "l,r,~{memory}")
            return context.get_dummy_value()

        return signature(types.none, a, i), codegen

    @intrinsic
    def arrived(typingctx: Any, a: Any, i: Any) -> Any:
        """Return a[i]."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            operands = [builder.ptrtoint(_pointer(context, builder, sig, args), ir.IntType(64))]
            return _assembly(builder, "ld.acquire.gpu.global.s32 $0, [$1];", ir.IntType(32), operands, "=r,l,~{memory}")

        return signature(types.int32, a, i), codegen

    @intrinsic
    def load4(typingctx: Any, a: Any, i: Any) -> Any:
        """Return four elements from a[i] on."""
        # Numba declares to LLVM only that elements are aligned, so that four loads stay four.

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = _pointer(context, builder, sig, args)
            element = pointer.type.pointee
            four = builder.bitcast(pointer, ir.PointerType(ir.VectorType(element, 4), pointer.type.addrspace))
            loaded = builder.load(four, align=16)
            values = [builder.extract_element(loaded, ir.Constant(ir.IntType(32), n)) for n in range(4)]
            return context.make_tuple(builder, sig.return_type, values)

        return signature(types.UniTuple(a.dtype, 4), a, i), codegen
