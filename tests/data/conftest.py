"""Fixtures of the data tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.corpora import TEXT


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a cache of the test's own."""
    return tmp_path / "cache"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Return a file that holds TEXT."""
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return path
