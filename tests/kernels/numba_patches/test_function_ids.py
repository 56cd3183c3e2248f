"""The patch of function ids is needed as long as Numba counts from 1 in each process."""

from __future__ import annotations

import subprocess
import sys

from numba.core.bytecode import FunctionIdentity

SHOW = "from numba.core.bytecode import FunctionIdentity; print(FunctionIdentity._unique_ids)"


def test_numba_still_counts_from_one_in_each_process():
    ran = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "count(1)"


def test_the_count_begins_elsewhere_in_each_process():
    show = f"import lstm_kernels.numba_patches.function_ids; {SHOW}"
    command = [sys.executable, "-c", show]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert first != second
    assert "count(1)" not in first + second + repr(FunctionIdentity._unique_ids)
