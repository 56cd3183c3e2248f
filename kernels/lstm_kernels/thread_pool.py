"""Threads of our own, which compiled code hands its turns to without asking Python.

A training step is some fifty kernels with a little Python between them, and a thread that sleeps takes 20 to 100 us to
wake: the libraries for it either put their threads to sleep at once, or have them wait at full speed and so keep a
processor that another program needs. Here a waiting thread looks for work for a few microseconds, then offers its
processor to others between looks, and sleeps when nothing has come for some milliseconds. On two processors a step of
an LSTM 2x200 over 10,000 words takes 38 to 44 ms so, and 53 ms with GNU's OpenMP told to wait briefly; with one of them
busy it takes 94, and 116 with OpenMP told to wait for a millisecond.

The threads are Python's, and hold its lock no longer than it takes to start; none is started before there is work for
two. One kernel at a time is shared out: who comes with another waits.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import register_jitable

_settings: Any = numba.config  # whose stubs leave out what is read from the environment
MOST: int = 1 if _settings.DISABLE_JIT else _settings.NUMBA_NUM_THREADS
"""Threads there are; more turns than that are taken one after the other."""

SPINS = 200
"""Looks with a pause of the processor between them, some 10 us."""
YIELDS = 4_000
"""Looks after that, each after an offer of the processor to other threads; some milliseconds if nobody takes it."""

OFFER, ACQUIRE, RELEASE = "lstm_kernels_offer", "lstm_kernels_acquire", "lstm_kernels_release"
"""The symbols by which compiled code finds what the system and Python have for threads."""

# Numba's type stubs leave out that callers pass no typing context.
_intrinsic: Any = numba.extending.intrinsic

_WORD, _INT = ir.IntType(64), ir.IntType(32)


# --- what compiled code takes from the processor and the system -------------------------------------------------------


def _at(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _WORD.as_pointer())


@_intrinsic
def _read(typingctx: Any, address: Any) -> Any:
    """Return the word at an address, and see whatever its writer had written before it."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(_at(builder, args[0]), "seq_cst", 8)

    return signature(types.int64, types.int64), codegen


@_intrinsic
def _write(typingctx: Any, address: Any, value: Any) -> Any:
    """Write a word, after whatever this thread had written before it."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _at(builder, args[0]), "seq_cst", 8)
        return context.get_dummy_value()

    return signature(types.void, types.int64, types.int64), codegen


def _change(how: str) -> Any:
    @_intrinsic
    def change(typingctx: Any, address: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.atomic_rmw(how, _at(builder, args[0]), args[1], "seq_cst")

        return signature(types.int64, types.int64, types.int64), codegen

    return change


_add, _exchange = _change("add"), _change("xchg")
"""add(address, value) and exchange(address, value): return the word that was there, in one indivisible turn."""


@_intrinsic
def _pause(typingctx: Any) -> Any:
    """Tell the processor that this is a loop that waits."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        triple = llvmlite.binding.get_process_triple()
        if triple.startswith(("x86_64", "i686")):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        elif triple.startswith(("aarch64", "arm64")):
            kind = ir.FunctionType(ir.VoidType(), [_INT])
            hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint")
            builder.call(hint, [ir.Constant(_INT, 1)])
        return context.get_dummy_value()

    return signature(types.void), codegen


@_intrinsic
def _offer(typingctx: Any) -> Any:
    """Let another thread have this processor, if one waits for it."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(_INT, [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, OFFER), [])
        return context.get_dummy_value()

    return signature(types.void), codegen


@_intrinsic
def _sleep(typingctx: Any, lock: Any) -> Any:
    """Take a lock, which somebody else gives back to wake this thread."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(_INT, [_WORD, _INT])
        acquire = cgutils.get_or_insert_function(builder.module, kind, ACQUIRE)
        builder.call(acquire, [args[0], ir.Constant(_INT, 1)])
        return context.get_dummy_value()

    return signature(types.void, types.int64), codegen


@_intrinsic
def _wake(typingctx: Any, lock: Any) -> Any:
    """Give a lock back."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_WORD])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, RELEASE), [args[0]])
        return context.get_dummy_value()

    return signature(types.void, types.int64), codegen


@_intrinsic
def _take_turn(typingctx: Any, function: Any, data: Any, k: Any) -> Any:
    """Call function(data, k), both of them addresses."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_WORD, _WORD])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return signature(types.void, types.int64, types.int64, types.int64), codegen


# --- the pool ---------------------------------------------------------------------------------------------------------

# A pool is one place of so many bytes for the thread that shares out, and one for each of its helpers, so that no two
# threads write to the same line of the cache. These are offsets in a place.
PLACE = 256
FUNCTION, DATA, TURNS, WORKERS, SHARE = 0, 8, 16, 24, 32  # of the caller: what to do, and where `share` is
LEFT = 64  # of the caller: helpers that have not finished
OWNER = 128  # of the caller: the lock of whoever shares out
ROUND = 0  # of a helper: changes when there is something to do
ASLEEP, LOCK = 192, 200  # of all: whether it sleeps, or is about to, and the lock it sleeps on


@register_jitable
def _wait(word, seen, place):
    """Return what the word at an address has become when it is no longer `seen`."""
    while True:
        for _ in range(SPINS):
            now = _read(word)
            if now != seen:
                return now
            _pause()
        for _ in range(YIELDS):
            now = _read(word)
            if now != seen:
                return now
            _offer()
        _write(place + ASLEEP, 1)
        # Whoever changes the word afterwards sees that this thread sleeps; whoever did before is seen here.
        if _read(word) == seen or _exchange(place + ASLEEP, 0) == 0:
            _sleep(_read(place + LOCK))


@register_jitable
def _rouse(place):
    if _exchange(place + ASLEEP, 0) == 1:
        _wake(_read(place + LOCK))


def help_out(pool, k):
    """Take turns k, k + workers, ... of whatever is shared out, until the process ends."""
    place, seen = pool + k * PLACE, 0
    while True:
        seen = _wait(place + ROUND, seen, place)
        function, data, turns = _read(pool + FUNCTION), _read(pool + DATA), _read(pool + TURNS)
        for turn in range(k, turns, _read(pool + WORKERS)):
            _take_turn(function, data, turn)
        if _add(pool + LEFT, -1) == 1:
            _rouse(pool)


def share(pool, function, data, turns, workers):
    """Have function(data, turn) called for each turn below `turns`, by so many threads, of which this is the first."""
    _sleep(_read(pool + OWNER))
    _write(pool + FUNCTION, function)
    _write(pool + DATA, data)
    _write(pool + TURNS, turns)
    _write(pool + WORKERS, workers)
    _write(pool + LEFT, workers - 1)
    for k in range(1, workers):
        _add(pool + k * PLACE + ROUND, 1)
        _rouse(pool + k * PLACE)
    for turn in range(0, turns, workers):
        _take_turn(function, data, turn)
    left = _read(pool + LEFT)
    while left > 0:
        left = _wait(pool + LEFT, left, pool)
    _wake(_read(pool + OWNER))


@_intrinsic
def share_out(typingctx: Any, function: Any, threads: Any, workers: Any, pool: Any, args: Any) -> Any:
    """Call function(k, threads, *args) for each k below `threads`, by so many workers of the pool; alone if it is 1.

    What the calls write must not meet. They must not raise: nobody would hear of it.
    """
    called = function.get_call_type(typingctx, (types.intp, types.intp, *args.types), {})

    def codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        _, threads, workers, pool, packed = values
        data = cgutils.alloca_once_value(builder, cgutils.pack_struct(builder, (threads, packed)))

        # turn(data, k), both of them words
        name = builder.module.get_unique_name(f"{builder.function.name}.turn")
        turn = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [_WORD, _WORD]), name)
        turn.linkage = "internal"
        inside = ir.IRBuilder(turn.append_basic_block())
        held = inside.load(inside.inttoptr(turn.args[0], data.type))
        all_threads, again = cgutils.unpack_tuple(inside, held, 2)
        again = cgutils.unpack_tuple(inside, again, len(args.types))
        compiled = function.dispatcher.get_compile_result(called)
        context.active_code_library.add_linking_library(compiled.library)
        target = context.declare_function(inside.module, compiled.fndesc)
        operands = [turn.args[1], all_threads, *again]
        context.call_conv.call_function(inside, target, types.none, called.args, operands)
        inside.ret_void()

        to_all = builder.ptrtoint(data, _WORD)
        with builder.if_else(builder.icmp_signed("==", workers, ir.Constant(_WORD, 1))) as (alone, together):
            with alone, cgutils.for_range(builder, threads, intp=_WORD) as loop:
                builder.call(turn, [to_all, loop.index])
            with together:
                kind = ir.FunctionType(ir.VoidType(), [_WORD] * 5)
                place = builder.load(_at(builder, builder.add(pool, ir.Constant(_WORD, SHARE))))
                share = builder.inttoptr(place, kind.as_pointer())
                builder.call(share, [pool, builder.ptrtoint(turn, _WORD), to_all, threads, workers])
        return context.get_dummy_value()

    return signature(types.void, function, types.intp, types.intp, types.intp, args), codegen


MEETING = 8
"""Words of an array at which threads meet, all of them 0 before the first time."""


@register_jitable
def meet(meeting, threads, met):
    """Wait until all threads have come here `met` times; return how often they will have the next time.

    meeting  (MEETING,) int64  in-out
    met                        1 at first

    Each of the threads must be running: turns that are taken one after the other would wait forever.
    """
    word = meeting.ctypes.data
    _add(word, 1)
    looks = 0
    while _read(word) < met * threads:
        looks += 1
        if looks < SPINS:
            _pause()
        else:
            _offer()
    return met + 1


# --- Python's side ----------------------------------------------------------------------------------------------------


class _Pool:
    """The memory of the threads, and how many of them help."""

    def __init__(self) -> None:
        raw = np.zeros((MOST + 1) * PLACE, np.uint8)
        self._words = raw[-raw.ctypes.data % PLACE :][: MOST * PLACE].view(np.int64)
        self.address = self._words.ctypes.data
        self._helpers = 0
        self._starting = threading.Lock()
        self._words[OWNER // 8] = _allocate()
        for k in range(MOST):
            lock = self._words[(k * PLACE + LOCK) // 8] = _allocate()
            _acquire(int(lock), 1)

    def grow(self, workers: int, share: int, help_out: Callable[[int, int], None]) -> None:
        """Start the threads that are missing for so many in all."""
        with self._starting:
            self._words[SHARE // 8] = share
            for k in range(self._helpers + 1, workers):
                threading.Thread(target=help_out, args=(self.address, k), name=f"helper {k}", daemon=True).start()
                self._helpers = k

    def has(self, workers: int) -> bool:
        """Return whether so many threads are there, the caller among them."""
        return self._helpers >= workers - 1


_python: Any = ctypes.pythonapi
_allocate, _acquire = _python.PyThread_allocate_lock, _python.PyThread_acquire_lock
_allocate.restype, _acquire.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]
_system: Any = ctypes.CDLL("kernel32" if sys.platform == "win32" else None)
for _name, _function in {
    OFFER: _system.SwitchToThread if sys.platform == "win32" else _system.sched_yield,
    ACQUIRE: _acquire,
    RELEASE: _python.PyThread_release_lock,
}.items():
    llvmlite.binding.add_symbol(_name, ctypes.cast(_function, ctypes.c_void_p).value)

_pool: _Pool | None = None


def pool() -> _Pool:
    """Return the pool of this process."""
    global _pool
    if _pool is None:
        _pool = _Pool()
    return _pool


def _forget() -> None:
    global _pool
    _pool = None  # a forked process has none of its parent's threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
