"""Compiled code is kept in pytest's own cache: the first run compiles, the next are quick."""

from __future__ import annotations

import pytest
from lstm_kernels.compile import cache_in


@pytest.fixture(autouse=True, scope="session")
def compiled_code(request: pytest.FixtureRequest) -> None:
    cache_in(request.config.cache.mkdir("kernels"))
