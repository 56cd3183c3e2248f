"""Kernels are cached in the folder that the engine's tests use too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lstm_kernels.jit import set_cache_folder


@pytest.fixture(autouse=True, scope="session")
def compiled_code() -> None:
    set_cache_folder(Path(os.environ["LSTMTUI_CACHE"]) / "compiled")
