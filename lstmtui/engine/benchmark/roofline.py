"""Measures the two limits of a roofline: float32 multiply-adds with vectors in registers, and memory bandwidth."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types

from lstmtui.engine.backend import cgutils, intrinsic, signature

_features = llvmlite.binding.get_host_cpu_features()
LANES = 16 if _features.get("avx512f") else 8 if _features.get("avx2") else 4
CHAINS = 12 if LANES == 8 else 24
"""Independent sums: more than latency times units, fewer than registers (AVX2 has 16)."""

ROUNDS = 2_000_000
"""Multiply-adds of each chain in one turn, about 10 ms."""


@intrinsic
def _chains(typingctx, rounds, x, y):
    """Do s = s x + y `rounds` times on CHAINS vectors, and return the sum of all, so that none is optimised away."""
    single, word = ir.FloatType(), ir.IntType(32)
    vector = ir.VectorType(single, LANES)

    def codegen(context, builder, sig, args):
        def broadcast(value):
            first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(word, 0))
            return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(word, LANES), [0] * LANES))

        def llvm(name, result, operands):
            kind = ir.FunctionType(result, operands)
            return cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32")

        fma, add_all = llvm("fma", vector, [vector] * 3), llvm("vector.reduce.fadd", single, [single, vector])
        rounds, x, y = args[0], broadcast(args[1]), broadcast(args[2])
        before, loop, after = builder.block, builder.append_basic_block("round"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        left, sums = builder.phi(rounds.type), [builder.phi(vector) for _ in range(CHAINS)]
        left_next = builder.sub(left, ir.Constant(rounds.type, 1))
        results = [builder.call(fma, [s, x, y]) for s in sums]
        # Each chain has its own start, or the compiler would compute one for all.
        starts = [ir.Constant(vector, [float(chain)] * LANES) for chain in range(CHAINS)]
        for running, start, following in zip([left, *sums], [rounds, *starts], [left_next, *results], strict=True):
            running.add_incoming(start, before)
            running.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed(">", left_next, ir.Constant(rounds.type, 0)), loop, after)
        builder.position_at_end(after)
        total = results[0]
        for result in results[1:]:
            total = builder.fadd(total, result)
        return builder.call(add_all, [ir.Constant(single, 0.0), total])

    return signature(types.float32, types.intp, types.float32, types.float32), codegen


@numba.njit("float32(intp, float32, float32)", nogil=True)
def multiply_adds(rounds: int, x: float, y: float) -> Any:
    """Return the sum of CHAINS * LANES numbers after `rounds` of s = s x + y; number k * LANES + l starts at k."""
    return _chains(rounds, x, y)


def peak(threads: int, turns: int = 40) -> float:
    """Return the GFLOP/s of float32 multiply-adds on `threads` threads: the best of short turns, as a limit."""
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(turns):
            begun = time.perf_counter()
            for part in [pool.submit(multiply_adds, ROUNDS, 0.5, 1.0) for _ in range(threads)]:
                part.result()
            best = min(best, time.perf_counter() - begun)
    return 2e-9 * LANES * CHAINS * ROUNDS * threads / best


ARRAY_SIZE = 16_000_000
"""Elements of each array that `bandwidth` reads: 64 MB, more than caches hold."""


@numba.njit("void(float32[::1], float32[::1], float32)", nogil=True)
def scale_and_add(x: Any, y: Any, factor: float) -> None:
    """Do x = factor x + y."""
    for n in range(x.shape[0]):
        x[n] = np.float32(factor) * x[n] + y[n]


def bandwidth(threads: int, turns: int = 10) -> float:
    """Return the GB/s that `threads` threads read and write, two arrays in and one out: the best of some turns."""
    arrays = [[np.zeros(ARRAY_SIZE // threads, np.float32) for _ in "xy"] for _ in range(threads)]
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(turns):
            begun = time.perf_counter()
            for part in [pool.submit(scale_and_add, x, y, 0.5) for x, y in arrays]:
                part.result()
            best = min(best, time.perf_counter() - begun)
    return 1e-9 * 12 * (ARRAY_SIZE // threads) * threads / best
