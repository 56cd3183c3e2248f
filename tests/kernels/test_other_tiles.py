"""Products and recurrence with the tiles of other processors, which this one can run too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cpu.microkernel.registers import REGISTERS, TILES

HERE = Path(__file__).parent / "cpu"


@pytest.mark.parametrize("tiles", sorted(set(REGISTERS) - {TILES, "avx512"}))
def test_kernels_pass_with_other_tiles(tiles, tmp_path):
    # On one thread: how rows are shared out has nothing to do with tiles.
    walks = [f"{HERE}/test_recurrence.py::test_agrees_with_reference[{cell}-9-7-3-33-1]" for cell in CELLS]
    files = [HERE / "test_gemm.py", *walks]
    command = [sys.executable, "-m", "pytest", "-n0", *files, "-o", f"cache_dir={tmp_path}"]
    environment = {**os.environ, "LSTM_KERNELS_TILES": tiles}
    ran = subprocess.run(command, env=environment, cwd=HERE.parents[2], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert " passed" in ran.stdout
