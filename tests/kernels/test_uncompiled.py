"""The kernel tests in plain Python: NUMBA_DISABLE_JIT=1, as for stepping through a kernel with a debugger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMPILED_ONLY = [__file__, HERE / "test_jit.py", HERE / "test_precompile.py", HERE / "cuda"]


def test_kernels_pass_without_compilation(tmp_path):
    ignored = [f"--ignore={path}" for path in COMPILED_ONLY]
    # Left out: central differences, which call a network hundreds of times and cover nothing new here; and what needs
    # several threads. Without compilation there is one thread, and BLAS sums in an order of its own.
    chosen = [HERE, *ignored, "-k", "not central and not units_are_split and not barrier"]
    command = [sys.executable, "-m", "pytest", "-n0", *chosen, "-o", f"cache_dir={tmp_path}"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert " passed" in ran.stdout
