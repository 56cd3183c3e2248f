"""The patch of NumPy is needed as long as numba-cuda refers to `np.row_stack`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.mark.skipif(find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
def test_numba_cuda_still_refers_to_row_stack():
    package = Path(find_spec("numba_cuda").origin).parent
    assert any("np.row_stack" in path.read_text() for path in package.rglob("*.py"))
