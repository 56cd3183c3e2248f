"""The patch of the cache is needed as long as Numba's own does not see an edit in another file."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import pytest
from lstm_kernels.numba_patches import dispatcher, results
from lstm_kernels.numba_patches.untyped import SETTINGS

HELPER = "import numba\n\n@numba.njit\ndef answer():\n    return {}\n"
KERNEL = "import numba\nfrom helper import answer\n\n@numba.njit(cache=True)\ndef kernel():\n    return answer()\n"


def run_kernel(folder):
    """Return what `kernel` returns in a process of its own, with Numba's cache in `folder`."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(folder)}
    environment.pop("NUMBA_DISABLE_JIT", None)
    command = [sys.executable, "-B", "-c", "import kernel; print(kernel.kernel())"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return int(ran.stdout)


def test_numbas_cache_still_misses_an_edit_in_another_file(tmp_path):
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "helper.py").write_text(HELPER.format(1))
    assert run_kernel(tmp_path) == 1
    (tmp_path / "helper.py").write_text(HELPER.format(2))
    assert run_kernel(tmp_path) == 1


@pytest.mark.skipif(SETTINGS.DISABLE_JIT, reason="nothing is compiled")
def test_a_compiled_function_has_the_attributes_that_the_cache_needs():
    compiled = numba.njit(lambda x: x)
    assert compiled._cache is not None
    assert dispatcher.argument_types(compiled, (1, 2.0)) == (numba.int64, numba.float64)
    assert results.target_key(dispatcher.target_context(compiled))
