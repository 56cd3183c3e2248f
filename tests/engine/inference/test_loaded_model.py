"""Trained runs are loaded for use."""

import pytest
from support import tiny

from lstmtui import config
from lstmtui.engine.inference import loaded_model
from lstmtui.errors import UsageError


def test_a_run_that_is_no_language_model_raises(tmp_path, monkeypatch):
    run = tiny.create(tmp_path)
    other = config.load(run.config).changed(purpose="memory")
    monkeypatch.setattr(config, "load", lambda path: other)
    with pytest.raises(UsageError, match=r"Run 'tiny' was trained for memory; only a run trained for text or auto"):
        loaded_model.load(run)


def test_a_run_without_a_checkpoint_raises(tmp_path):
    with pytest.raises(UsageError, match="no checkpoint yet"):
        loaded_model.load(tiny.create(tmp_path))
