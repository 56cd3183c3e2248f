"""LLVM code inside kernels. Tested with Numba 0.68.1 and llvmlite 0.50.0.

Numba documents `intrinsic`, but keeps in `numba.core` what the body of one needs: `cgutils`, signatures, and the memory
layout of arrays. It has no interface for calling a compiled function inside an intrinsic, as `call_dispatcher` does.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.core.typing import signature
from numba.np.arrayobj import make_array

__all__ = ["PRIVATE", "call_dispatcher", "cgutils", "make_array", "resolve_call", "signature"]

PRIVATE = (
    "numba.core.cgutils.get_or_insert_function",
    "numba.core.cgutils.pack_struct",
    "numba.core.cgutils.get_item_pointer2",
    "numba.core.cgutils.unpack_tuple",
    "numba.core.cgutils.alloca_once",
    "numba.core.cgutils.alloca_once_value",
    "numba.core.cgutils.for_range",
    "numba.core.cgutils.memset",
    "numba.core.typing.signature",
    "numba.np.arrayobj.make_array",
    "numba.core.types.Dispatcher.get_call_type",
    "numba.core.dispatcher.Dispatcher.get_compile_result",
    "numba.core.codegen.CodeLibrary.add_linking_library",
    "numba.core.base.BaseContext.declare_function",
    "numba.core.callconv.CPUCallConv.call_function",
)


def resolve_call(function: Any, typingctx: Any, *arguments: Any) -> Any:
    """Return the signature of a call of `function`, the type of a compiled function, with arguments of these types."""
    return function.get_call_type(typingctx, arguments, {})


def call_dispatcher(context: Any, builder: Any, function: Any, called: Any, operands: list[Any]) -> None:
    """Generate a call of a compiled function that returns nothing.

    function  its type, as an intrinsic gets it
    called    what `resolve_call` returned
    """
    compiled = function.dispatcher.get_compile_result(called)
    context.active_code_library.add_linking_library(compiled.library)
    target = context.declare_function(builder.module, compiled.fndesc)
    context.call_conv.call_function(builder, target, types.none, called.args, operands)
