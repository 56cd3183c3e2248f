"""Kernels are compiled into the folder where the engine's tests find them too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lstm_kernels.jit import cache_in


@pytest.fixture(autouse=True, scope="session")
def compiled_code() -> None:
    cache_in(Path(os.environ["LSTMTUI_CACHE"]) / "compiled")
