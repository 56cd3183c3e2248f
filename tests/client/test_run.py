"""A run as other programs see it, over a small network."""

from __future__ import annotations

import numpy as np
import pytest
from support import exported_models, tiny
from support.bare_run import train_point

import lstmtui
from lstmtui.common.files import append_json_line
from lstmtui.common.paths import runs_root
from lstmtui.engine.services.import_model import write_run
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

TEXT = "the cat sat on the mat.\n"


def test_a_run_gives_its_metrics_and_what_its_network_computes():
    folder = RunFolder(runs_root() / "diary")
    write_run(exported_models.model(), folder, "a test")
    for step in (4, 8):
        append_json_line(folder.metrics, {**train_point(step), "loss": 3 - step / 10})
    for step, nll in ((4, 2.5), (8, 2.25)):
        append_json_line(folder.metrics, {"split": "valid", "step": step, "seconds": 1, "nll": nll, "best": nll < 2.5})
    append_json_line(folder.samples, {"step": 8, "temperature": 0.8, "prompt": "", "text": "the cat"})
    with lstmtui.Run.load("diary") as run:
        assert (run.name, run.state, run.step) == ("diary", "finished", 7)
        assert run.settings.network.hidden == run.settings.value("hidden") == 8
        assert run.train["step"].tolist() == [4, 8]
        np.testing.assert_allclose(run.train["loss"], [2.6, 2.2])
        assert np.isnan(run.train["update_ratio"]).all()
        assert run.evaluations["best"].tolist() == [False, True]
        assert run.evaluations["nll"].tolist() == [2.5, 2.25]
        assert run.samples[-1].text == "the cat"
        figures = run.evaluate(TEXT * 8)
        assert figures["tokens"] == len(TEXT) * 8 - 1
        assert figures["perplexity"] == pytest.approx(np.exp(figures["nll"]))
        reading = run.read(TEXT)
        assert "".join(reading.pieces) == TEXT
        assert np.isnan(reading.bits[0])
        assert reading.bits[1:].min() >= 0
        assert [set(layer) for layer in run.gates(TEXT)] == [{"i", "f", "g", "o"}] * 2
        assert [set(layer) for layer in run.states(TEXT)] == [{"c", "h"}] * 2
        h, c, o = (reading.layers[1].states["h"], reading.layers[1].states["c"], reading.layers[1].gates["o"])
        assert h.shape == (len(TEXT), 8)
        np.testing.assert_allclose(h, o * np.tanh(c), atol=2e-3)  # float16 keeps three digits
        with pytest.raises(UsageError, match="empty text"):
            run.evaluate("")
        run.close()
        assert run.read(TEXT).pieces == reading.pieces  # the process is started again
        append_json_line(folder.metrics, train_point(9))
        assert len(run.train["step"]) == 2
        run.refresh()
        assert len(run.train["step"]) == 3


def test_a_run_without_a_checkpoint_has_settings_and_no_network(tmp_path):
    tiny.create(tmp_path, name="new")
    run = lstmtui.Run.load("new")
    assert (run.state, run.step, run.samples) == ("new", 0, ())
    assert run.train["loss"].shape == run.evaluations["step"].shape == (0,)
    with pytest.raises(UsageError, match="no checkpoint"):
        run.evaluate(TEXT)
    with pytest.raises(UsageError, match="no run"):
        lstmtui.Run.load("nobody")
