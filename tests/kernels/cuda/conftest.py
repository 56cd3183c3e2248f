"""These tests need a GPU, or the simulator, which a process either has from its start or not.

Without either nothing is collected here: `tests/test_cuda_simulated.py` runs them in a process of their own.
"""

from __future__ import annotations

import pytest
from lstm_kernels.cuda.launch import SIMULATED, unavailable_reason
from support import cuda_simulator

if SIMULATED:
    cuda_simulator.speed_up()
collect_ignore = [] if SIMULATED else ["test_gemm.py"]  # fakes what a GPU has
if unavailable_reason() is not None:
    collect_ignore_glob = ["test_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    # Random bits are a product that is meant to overflow.
    config.addinivalue_line("filterwarnings", "ignore:overflow encountered:RuntimeWarning")
