"""A tile in the instructions of 64-bit ARM, which need no such processor: its sums stay in registers.

Those of bfloat16, taken apart, do not all: eight vectors of a pass go to the stack, of 40. It is chosen on no such
processor unless asked for.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

LISTING = """
import re, sys
import llvmlite.binding as llvm
from numba import cfunc, types
from lstm_kernels.cpu.microkernel.memory import WORD
from lstm_kernels.cpu.microkernel.registers import REGISTERS, ROWS
from lstm_kernels.cpu.microkernel.tile import tile_of

precision, vectors = sys.argv[1], int(sys.argv[2])
tile = tile_of(precision, REGISTERS["portable"], ROWS[precision], vectors)

def call(A, row, B, K, C, ldc, plus, ldp, live, ahead):
    tile(A, row, B, K, C, ldc, plus, ldp, live, ahead)

compiled = cfunc(types.void(*[WORD] * 10), error_model="numpy")(call)
code = compiled._library.get_llvm_str()
code = re.sub(r'target triple = ".*"', 'target triple = "aarch64-unknown-linux-gnu"', code)
code = re.sub(r'target datalayout = ".*"|"target-(cpu|features)"=".*?"', "", code)
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(cpu="neoverse-n1", opt=3)
print(machine.emit_assembly(llvm.parse_assembly(code)))
"""
STACK = re.compile(r"\t(?:st|ld)(?:r|p|ur)\tq\d+.*\[(?:sp|x29)")


def loops(listing: str) -> list[list[str]]:
    """Return the blocks of instructions that multiply and add."""
    blocks = re.split(r"^[.\w$]+:.*$", listing, flags=re.MULTILINE)
    return [lines for block in blocks if "\tfmla\t" in block for lines in [block.splitlines()]]


@pytest.mark.parametrize(("precision", "vectors"), [("float32", 4), ("float32", 2), ("float64", 4)])
def test_sums_stay_in_the_registers_of_neon(precision, vectors):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-c", LISTING, precision, str(vectors)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = loops(ran.stdout)
    assert [sum("\tfmla\t" in line for line in lines) for lines in found][:1] == [2 * 6 * vectors]  # two values of K
    for lines in found:
        assert not [line for line in lines if STACK.match(line)]
    # Little stands beside the multiply-adds: loads of two rows of B and of twelve values of A, prefetches, the loop.
    assert len(found[0]) < 2 * 6 * vectors + 40
