"""A trained run of words, trained once for each file of tests, and a copy of it for each test."""

import shutil

import pytest
from support import tiny

from lstmtui.runs.folder import RunFolder


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_RUNS", str(folder / "runs"))
        run = tiny.create(folder, tokens="words", hidden=16, layers=1, steps=120, batch=8, lr=0.03, ema=0.0)
        assert tiny.train(run) == 0
    return run


@pytest.fixture
def run(trained_run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained_run.path, copy)
    return RunFolder(copy)
