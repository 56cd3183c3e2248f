"""Sharing out work among threads, from compiled code, without Numba's `parallel=True`.

`prange` has each loop analysed and rewritten, and a version without threads compiled besides; the kernels here only
ever loop over `range(threads)`, each turn by itself. So `share_out` hands a function to the threads of Numba's own
layer (OpenMP, TBB or its work queue, whichever it has found): half the time to compile all that a training run needs,
15 of 29 seconds, and one version for any number of threads.
"""

from __future__ import annotations

import os
from typing import Any

import numba.np.ufunc.parallel
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

_settings: Any = numba.config  # whose stubs leave out what is read from the environment
MOST: int = _settings.NUMBA_NUM_THREADS
"""Threads there are; more turns than that are taken one after the other."""


SPINS = "1000"
"""How often a thread of GNU's OpenMP looks for work before it sleeps, some 10 us.

On its own it looks 300,000 times, and keeps a processor that another thread needs: with one of two processors busy, a
step of an LSTM 2x256 took 316 ms so, 101 ms with this, and 83 ms on one thread; with both free, 45 and 46 ms, where
sleeping at once cost 60.
"""


def start() -> None:
    """Choose a layer and make its function known, which compiled code calls by name."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read when the library is loaded, just below
    numba.np.ufunc.parallel._launch_threads()


# Numba's type stubs leave out that callers pass no typing context.
_intrinsic: Any = intrinsic


@_intrinsic
def share_out(typingctx: Any, function: Any, threads: Any, workers: Any, args: Any) -> Any:
    """Call function(k, threads, *args) for each k below `threads`, at most `workers` at once; alone if it is 1.

    What the calls write must not meet. They must not raise: nobody would hear of it.
    """
    called = function.get_call_type(typingctx, (types.intp, types.intp, *args.types), {})

    def codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        _, threads, workers, packed = values
        word, byte_pointer = threads.type, ir.IntType(8).as_pointer()
        words, pointers = word.as_pointer(), byte_pointer.as_pointer()
        data = cgutils.alloca_once_value(builder, cgutils.pack_struct(builder, (threads, packed)))

        # turns(&k, &count, -, data): what the layer calls in each thread. Its k is an address, counted in steps of 1
        # from 0, as the address of an array's element would be.
        kind = ir.FunctionType(ir.VoidType(), [pointers, words, words, byte_pointer])
        name = builder.module.get_unique_name(f"{builder.function.name}.turns")
        turns = ir.Function(builder.module, kind, name)
        turns.linkage = "internal"
        inside = ir.IRBuilder(turns.append_basic_block())
        first = inside.ptrtoint(inside.load(turns.args[0]), word)
        count = inside.load(turns.args[1])
        all_threads, again = cgutils.unpack_tuple(inside, inside.load(inside.bitcast(turns.args[3], data.type)), 2)
        again = cgutils.unpack_tuple(inside, again, len(args.types))
        compiled = function.dispatcher.get_compile_result(called)
        context.active_code_library.add_linking_library(compiled.library)
        target = context.declare_function(inside.module, compiled.fndesc)
        with cgutils.for_range(inside, count, intp=word) as loop:
            k = inside.add(first, loop.index)
            context.call_conv.call_function(inside, target, types.none, called.args, [k, all_threads, *again])
        inside.ret_void()

        none = ir.Constant(word, 0)
        start = cgutils.alloca_once_value(builder, ir.Constant(word, 0).inttoptr(byte_pointer))
        count_at = cgutils.alloca_once_value(builder, threads)
        step = cgutils.alloca_once_value(builder, ir.Constant(word, 1))
        to_all = builder.bitcast(data, byte_pointer)
        with builder.if_else(builder.icmp_signed("==", workers, ir.Constant(word, 1))) as (alone, together):
            with alone:
                builder.call(turns, [start, count_at, step, to_all])
            with together:
                number = ir.IntType(32)
                kind = ir.FunctionType(
                    ir.VoidType(), [byte_pointer, pointers, words, words, byte_pointer, word, word, number]
                )
                layer = cgutils.get_or_insert_function(builder.module, kind, "numba_parallel_for")
                builder.call(layer, [
                    builder.bitcast(turns, byte_pointer), start, count_at, step,
                    to_all, none, ir.Constant(word, 1), builder.trunc(workers, number),
                ])  # fmt: skip
        return context.get_dummy_value()

    return signature(types.void, function, types.intp, types.intp, args), codegen
