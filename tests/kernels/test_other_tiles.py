"""Products and recurrence with the tiles of other processors, and the twin of the tile unit, which this one can run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16, REGISTERS, TILES

HERE = Path(__file__).parent / "cpu"


def run_tests(tests, tmp_path, **environment):
    command = [sys.executable, "-m", "pytest", "-n0", *tests, "-o", f"cache_dir={tmp_path}"]
    environment = {**os.environ, **environment}
    ran = subprocess.run(command, env=environment, cwd=HERE.parents[2], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert " passed" in ran.stdout


@pytest.mark.parametrize("tiles", sorted(set(REGISTERS) - {TILES, "avx512"}))
def test_kernels_pass_with_other_tiles(tiles, tmp_path):
    # On one thread: how rows are shared out has nothing to do with tiles.
    walks = [f"{HERE}/test_recurrence.py::test_agrees_with_reference[{cell}-9-7-3-33-1]" for cell in CELLS]
    run_tests([HERE / "test_gemm.py", *walks], tmp_path, LSTM_KERNELS_TILES=tiles)


@pytest.mark.parametrize("unit", ["twin"] * HAS_BFLOAT16)
def test_bfloat16_passes_on_the_twin_of_the_tile_unit(unit, tmp_path):
    of_unit = f"{HERE}/test_recurrence.py::test_bfloat16_is_the_same_to_its_precision[bfloat16-lstm-3-33-5-130-2]"
    run_tests([HERE / "test_gemm.py", of_unit, "-k", "bfloat16"], tmp_path, LSTM_KERNELS_UNIT=unit)
