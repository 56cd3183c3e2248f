"""The tests of CUDA kernels pass on Numba's simulator, which a process must enable at its start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_cuda_tests_pass_on_the_simulator(tmp_path):
    folders = [HERE / "kernels" / "cuda", HERE / "engine" / "cuda"]
    command = [sys.executable, "-m", "pytest", "-n0", *folders, "-o", f"cache_dir={tmp_path}"]
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "TESTS_CACHE": os.environ["LSTMTUI_CACHE"]}
    ran = subprocess.run(command, env=environment, cwd=HERE.parent, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout[-3000:]
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed is not None
    assert int(passed[1]) >= 105
    assert "skipped" not in ran.stdout
