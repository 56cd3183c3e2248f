"""Fixtures of the tests of run folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of runs, which does not exist yet."""
    monkeypatch.setenv("LSTMTUI_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def writer(run: RunFolder) -> Iterator[RunWriter]:
    """Return the writer of `run`."""
    writer = RunWriter(run, interval=0.01)
    yield writer
    writer.close()
