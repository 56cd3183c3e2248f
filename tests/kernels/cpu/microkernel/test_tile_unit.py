"""The tile unit's own code, seen in its instructions, which need no processor that has it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys

import pytest

LISTING = """
from lstm_kernels.cpu.microkernel import tile_unit
from lstm_kernels.cpu.microkernel.memory import WORD
from lstm_kernels.cpu.microkernel.tile_driver import tile_driver
from numba import cfunc, types

compiled = cfunc(types.void(*[WORD] * 12), error_model="numpy")(tile_driver(tile_unit.unit(), (64, 32, 16)))
print(compiled._library.get_asm_str())
"""
PROCESSOR = {
    "NUMBA_CPU_NAME": "sapphirerapids",
    "NUMBA_CPU_FEATURES": "+amx-tile,+amx-bf16,+avx512f,+avx512bw,+avx512vl,+avx512dq,+avx2,+avx,+fma,+bmi,+bmi2",
}
LOOP = ["tileloadd", "tileloadd", "tdpbf16ps", "tileloadd", "tdpbf16ps", "tileloadd", "tdpbf16ps", "tdpbf16ps"]
"""Four products for four loads."""


@pytest.mark.parametrize("processor", [PROCESSOR] * (platform.machine() == "x86_64"), ids=["sapphirerapids"])
def test_a_block_is_four_products_for_four_loads(processor):
    environment = {**os.environ, **processor, "NUMBA_DISABLE_JIT": "0"}
    ran = subprocess.run([sys.executable, "-c", LISTING], env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = re.findall(r"\t(tile\w+|tdpbf16ps|ldtilecfg)\b", ran.stdout)
    assert found.count("ldtilecfg") == found.count("tilerelease") == 1
    assert any(found[k : k + len(LOOP)] == LOOP for k in range(len(found)))
    # The sums of a product: to tile 0 from tile 4 of A and tile 6 of B, in the order of the assembler (B, A, sums).
    assert "tdpbf16ps\t%tmm6, %tmm4, %tmm0" in ran.stdout
    assert "tdpbf16ps\t%tmm7, %tmm5, %tmm3" in ran.stdout
