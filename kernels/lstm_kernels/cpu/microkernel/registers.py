"""The vector registers of this processor, and the sizes of tiles that are made for them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np

from lstm_kernels.cpu.microkernel.tile_permission import choose_unit
from lstm_kernels.numba_patches.untyped import SETTINGS

PRECISIONS: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "bfloat16": np.dtype(np.uint32),
}
"""Types of a packed word: a number, or for bfloat16 two numbers that follow each other in K."""


class Registers(NamedTuple):
    """The vector registers that a tile is made for."""

    bytes: int
    """Of one vector."""
    widths: tuple[int, ...]
    """Widths of tiles in vectors, the widest first; the last is 1."""
    block: int
    """Rows of A in a block."""
    depth: int
    """Words of K in a block. A block of A of this depth stays in the second-level cache, and a panel of B there too, or
    in the first-level cache where it has room."""

    def columns(self, word_bytes: int) -> tuple[int, ...]:
        """Return the widths in words."""
        return tuple(vectors * self.bytes // word_bytes for vectors in self.widths)


REGISTERS = {
    "avx512": Registers(64, (4, 2, 1), 192, 768),  # 32 registers
    "avx2": Registers(32, (2, 1), 192, 256),  # 16
    "portable": Registers(16, (4, 2, 1), 192, 256),  # 32 of NEON; elsewhere the compiler spills
}

_features = llvmlite.binding.get_host_cpu_features()
UNIT, UNIT_REASON = choose_unit(os.environ.get("LSTM_KERNELS_UNIT"), _features)
"""What multiplies bfloat16, one of `tile_permission.UNITS`, and why that."""
_NATURAL = (
    "avx512" if _features.get("avx512f")
    else "avx2" if _features.get("avx2") and _features.get("fma")
    else "portable"
)  # fmt: skip
# The tile unit's 16 columns divide the panels of AVX-512 alone.
TILES = "avx512" if UNIT != "vectors" else os.environ.get("LSTM_KERNELS_TILES") or _NATURAL
"""The kind of tiles in use; tests set the environment variable to run the others on one machine."""
HAS_BFLOAT16 = not SETTINGS.DISABLE_JIT
"""Whether products of bfloat16 are available: in compiled code only."""
NATIVE_BFLOAT16 = (
    not SETTINGS.DISABLE_JIT
    and TILES == "avx512"
    and UNIT == "vectors"
    and bool(_features.get("avx512bf16"))
    and llvmlite.binding.get_host_cpu_name().startswith("znver")
)
"""Whether this processor has an instruction that multiplies pairs of bfloat16 and sums in float32, and gains by it.

Elsewhere each number of a pair becomes a float32 in registers, which halves the bytes that are read but not the
multiply-adds. AMD's instruction takes as long for a pair as for a number (446 against 230 GFLOP/s on two cores of an
EPYC); Intel's takes four times as long (97 against 200 GFLOP/s on one core of Emerald Rapids), since Intel has separate
units for it, AMX."""

ROWS = {"float32": 6, "float64": 6, "bfloat16": 6 if NATIVE_BFLOAT16 else 5}
"""Rows of the highest tile. At the widest tile the sums, a row of B and one value of A fill the registers, and so do
pairs of bfloat16 that are taken apart. The tiles of a product have the same height or differ by one: a tile of few rows
waits for its own sums."""
