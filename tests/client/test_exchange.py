"""Export and import of a run, through the processes that do it."""

from __future__ import annotations

import numpy as np
import pytest
from support import exported_models, tiny

import lstmtui
from lstmtui.client import runs
from lstmtui.client.exchange import export_model, import_model
from lstmtui.common.paths import runs_root
from lstmtui.engine.services.import_model import write_run
from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs.folder import RunFolder

TEXT = "the cat sat on the mat.\na dog ran under a tree.\n" * 4


def test_a_run_is_exported_and_imported_as_the_same_network(tmp_path):
    run, copy, out = RunFolder(runs_root() / "diary"), RunFolder(runs_root() / "copy"), tmp_path / "out"
    write_run(exported_models.model(), run, "a test")
    out.mkdir()
    assert export_model(run, "huggingface", out) == 7
    about = import_model(out, copy)
    assert (about["cell"], about["hidden"], about["step"]) == ("lstm", 8, 7)
    with lstmtui.Run.load("diary") as before, lstmtui.Run.load("copy") as after:
        assert after.evaluate(TEXT) == before.evaluate(TEXT)
        np.testing.assert_array_equal(after.states(TEXT)[1]["c"], before.states(TEXT)[1]["c"])
        assert (after.state, after.step) == ("finished", 7)
        assert after.snapshot.message == "Imported from out."
    with pytest.raises(UsageError, match="has no text to train on"):
        runs.start(copy, more=("steps", 10))
    with pytest.raises(UsageError, match="already a run"):
        import_model(out, copy)
    (out / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CorruptError, match="is damaged"):
        import_model(out, RunFolder(runs_root() / "other"))
    assert not (runs_root() / "other").exists()


def test_a_run_without_a_checkpoint_is_not_exported(tmp_path):
    with pytest.raises(UsageError, match="no checkpoint"):
        export_model(tiny.create(tmp_path, name="new"), "torch", tmp_path)
