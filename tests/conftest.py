"""Every test has its own runs; all share one fresh cache, so that kernels compile once and none is the user's."""

from __future__ import annotations

import os
import tempfile

import pytest

# Before anything imports the kernels, and for the engine processes that tests start.
os.environ["LSTMTUI_CACHE"] = _cache = tempfile.mkdtemp(prefix="lstmtui-tests-")
for _variable in [name for name in os.environ if name.startswith("LSTMTUI_") and name != "LSTMTUI_CACHE"]:
    del os.environ[_variable]
os.environ["LSTMTUI_CONFIG"] = os.path.join(_cache, "config.toml")
open(os.environ["LSTMTUI_CONFIG"], "w").close()


@pytest.fixture(autouse=True)
def _own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_RUNS", str(tmp_path / "runs"))


def pytest_unconfigure() -> None:
    import shutil

    shutil.rmtree(_cache, ignore_errors=True)
