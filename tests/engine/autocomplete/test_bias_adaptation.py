"""Biases are adapted to what the user wrote."""

import numpy as np

from lstmtui.engine.autocomplete import bias_adaptation
from lstmtui.engine.inference.loaded_model import load


def test_biases_are_adapted_outside_the_checkpoint(run):
    t = load(run)
    weights = t.weights.flat.copy()
    text = b"the rain ran in the rain\n" * 200
    losses, aside = bias_adaptation.adapt(t, [text])
    assert aside is None
    assert losses["nll_last"] < losses["nll_first"]
    assert bias_adaptation.exists(run)
    assert bias_adaptation.adapt(t, [text, b"the rain ran in the rain"]) == ({}, None)  # each line once
    moved = bias_adaptation.adapted_weights(t)
    assert np.array_equal(t.weights.flat, weights)
    changed = {name for name in moved.views if not np.array_equal(moved[name], t.weights[name])}
    assert changed == {"layers.0.b", "softmax.b"}
    assert bias_adaptation.forget(run)
    assert not bias_adaptation.exists(run)
    assert np.array_equal(bias_adaptation.adapted_weights(t).flat, weights)


def test_damaged_biases_are_ignored_and_renamed(run):
    t = load(run)
    run.autocomplete.mkdir(exist_ok=True)
    (run.autocomplete / "biases.npz").write_bytes(b"nonsense")
    assert np.array_equal(bias_adaptation.adapted_weights(t).flat, t.weights.flat)
    losses, aside = bias_adaptation.adapt(t, [b"the rain ran in the rain\n" * 20])
    assert losses["nll_first"] > 0
    assert aside.read_bytes() == b"nonsense"
