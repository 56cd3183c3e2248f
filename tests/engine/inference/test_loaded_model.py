"""Trained runs are loaded for use."""

import pytest
from support import tiny

from lstmtui import config
from lstmtui.engine.inference import loaded_model
from lstmtui.errors import UsageError


def test_a_run_that_is_no_language_model_raises(tmp_path, monkeypatch):
    run = tiny.create(tmp_path)
    settings = config.load(run.config)
    for purpose, end in (("memory", "text."), ("speech", r"text \('lstmtui transcribe tiny FILE' transcribes\).")):
        monkeypatch.setattr(config, "load", lambda path, purpose=purpose: settings.changed(purpose=purpose))
        with pytest.raises(UsageError, match=f"Run 'tiny' was trained for {purpose}; only a run .*{end}$"):
            loaded_model.load(run)


def test_a_run_without_a_checkpoint_raises(tmp_path):
    with pytest.raises(UsageError, match="no checkpoint yet"):
        loaded_model.load(tiny.create(tmp_path))
