"""A cell is one file and one entry of the table: a toy cell in the tests alone trains, resumes and is inspected."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cell_table import CELLS
from support import naive, tiny
from support.gradcheck import assert_gradients_agree, numerical_gradient
from support.layer_cases import case, run_layer
from support.toy_cell import TOY

from lstmtui.engine.analysis.gradient_flow import GradientFlow
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.services.language_reader import LanguageReader
from lstmtui.engine.services.unit_inspector import Inspector
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.runs.probes import read_saturation
from lstmtui.runs.reader import RunReader
from lstmtui.runs.writer import RunWriter


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    monkeypatch.setitem(CELLS, "toy", TOY)
    for table, count in ((naive.GATES, 2), (naive.RECURRENT, 1), (naive.UNIT_PARAMS, 1), (naive.MEMORIES, 2)):
        monkeypatch.setitem(table, "toy", count)


def train(run, until=None):
    writer = RunWriter(run, interval=60)
    trainer = None
    try:
        trainer = Trainer(run, writer, lambda: trainer is not None and trainer.progress.step == until)
        return run_to_the_end(trainer)
    finally:
        writer.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_of_a_toy_cell_agree_with_central_differences(threads):
    args = layer, x, h0, c0, dh_above, dh_last, dc_last = case("toy", 3, 2, 2, 3)

    def loss():
        h, c, _, _ = run_layer("toy", *args, backward=False)
        return float((h[1:] * dh_above).sum() + (h[-1] * dh_last).sum() + (c[-1] * dc_last).sum())

    grads = run_layer("toy", *args, threads=threads)[3]
    for name, array in {**layer, "x": x, "h0": h0, "c0": c0}.items():
        assert_gradients_agree(grads[name], numerical_gradient(loss, array), 1e-6)


def test_a_toy_cell_trains_and_resumes_to_the_same_bytes(tmp_path):
    whole, stopped = (tiny.create(tmp_path, name, cell="toy", steps=40) for name in ("whole", "stopped"))
    assert train(whole) == "finished"
    assert train(stopped, until=17) == "stopped"
    assert train(stopped) == "finished"
    assert tiny.last_weights(whole) == tiny.last_weights(stopped)
    losses = [line["loss"] for line in tiny.lines(whole.metrics) if line["split"] == "train"]
    assert losses[-1] < losses[0]


def test_a_toy_cell_is_probed_inspected_and_has_a_gradient_flow(tmp_path):
    run = tiny.create(tmp_path, cell="toy")
    assert train(run) == "finished"
    assert RunReader(run).refresh().settings.network.cell == "toy"
    newest = read_saturation(run)[-1]
    assert newest.gates == ("k", "v")
    assert newest.left.shape == (2, 2, 8)
    trained = load(run)
    (about,) = Inspector(LanguageReader(trained)).overview("the cat sat on the mat")
    assert about["parts"] == ["k", "v", "c", "d", "h"]
    assert about["squashed"] == ["k"]
    flow = GradientFlow(trained.settings, trained.weights, np.arange(200) % 9, lags=5).measure()
    assert flow.h.shape == flow.c.shape == (2, 5)
    assert (flow.half_life > 0).all()
