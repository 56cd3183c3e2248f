"""Speech behind the protocol of tasks: it trains, is evaluated and shown, and resumes in the same bytes."""

import numpy as np
import pytest
from support.in_process import assert_resumes_in_the_same_bytes, train
from support.speech_run import create

from lstmtui.runs import probes
from lstmtui.runs.reader import RunReader


@pytest.mark.parametrize("changes", [{}, {"directions": "forward", "tokens": "words", "cell": "gru"}])
def test_it_learns_and_is_shown(tmp_path, changes):
    run = create(tmp_path, **changes)
    assert train(run) == "finished"
    seen = RunReader(run).refresh()
    losses = [point.value for point in seen.valid]
    assert losses[-1] < losses[0]
    assert all(point.figures[name] >= 0 for point in seen.valid for name in ("wer", "cer"))
    assert seen.samples[-1].text.count("reference") == 3
    assert seen.status["result"]["valid"]["nll"] == pytest.approx(min(losses), abs=1e-6)
    assert seen.status["result"]["test"]["wer"] >= 0
    *_, found = probes.read_posteriors(run)
    assert found.labels[0] == ""
    np.testing.assert_allclose(found.values.sum(axis=1), 1, atol=0.01)
    (saturation, *_) = probes.read_saturation(run)
    names = ("encoder 1",) if changes else ("encoder 1 forward", "encoder 1 backward")
    assert saturation.layer_names == names
    assert len(saturation.left) == len(names)
    window = probes.read_window(run)
    assert window["layer_names"] == names
    assert window["values"].shape[2] == len(window["pieces"][0]) == min(len(found.values), 120)
    assert set("".join(window["pieces"][0])) <= set("abc ·")


def test_an_interrupted_run_ends_in_the_same_bytes(tmp_path):
    """The interruption falls into a pass, between batches that are augmented."""
    changes = {"speed": 0.1, "warp": 0.1, "gain": 6.0, "noise": 0.5, "mask_time": 0.1, "mask_frequency": 0.2}
    assert_resumes_in_the_same_bytes(create(tmp_path, "whole", **changes), create(tmp_path, "parts", **changes), 33)
