"""Every test has its own runs; all share one fresh cache, so that kernels compile once and none is the user's.

Files of tests are shared out among as many processes as there are processors; `-n0` runs them in this one, for a
debugger. `TESTS_CACHE=FOLDER pytest` keeps the cache in a folder from one run of the tests to the next.
"""

from __future__ import annotations

import os
import signal
import tempfile

import pytest

# Before anything imports the kernels, and for the engine processes that tests start.
_worker = os.environ.get("PYTEST_XDIST_WORKER")
_kept = os.environ["LSTMTUI_CACHE"] if _worker else os.environ.get("TESTS_CACHE")
os.environ["LSTMTUI_CACHE"] = _cache = _kept or tempfile.mkdtemp(prefix="lstmtui-tests-")
for _variable in [name for name in os.environ if name.startswith("LSTMTUI_") and name != "LSTMTUI_CACHE"]:
    del os.environ[_variable]
os.environ["LSTMTUI_CONFIG"] = os.path.join(_cache, f"config-{_worker or 'main'}.toml")
os.environ["XDG_STATE_HOME"] = os.path.join(_cache, "state")
os.makedirs(_cache, exist_ok=True)
open(os.environ["LSTMTUI_CONFIG"], "w").close()

# Tests send these to processes they start, which would inherit "ignored" from a test run in the background.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_RUNS", str(tmp_path / "runs"))


@pytest.fixture
def run(tmp_path):
    """A run folder with nothing in it."""
    from lstmtui.runs.folder import RunFolder

    run = RunFolder(tmp_path / "diary")
    run.path.mkdir()
    return run


def pytest_unconfigure() -> None:
    import shutil

    if not _kept:
        shutil.rmtree(_cache, ignore_errors=True)
