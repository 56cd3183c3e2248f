"""Weights under PyTorch's names, against the network that the engine computes and back to the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from support import exported_models

from lstmtui.config import CELLS
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import CorruptError
from lstmtui.exchange.state_dict import from_state_dict, shapes, to_state_dict


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_an_export_is_imported_in_the_same_bytes(cell, tied):
    model = exported_models.model(cell, tied=tied, embedding=8 if tied else 6)
    tensors = to_state_dict(model.shape, model.weights)
    assert {name: tensor.shape for name, tensor in tensors.items()} == shapes(model.shape)
    back = from_state_dict(model.shape, tensors, "it")
    assert back.keys() == model.weights.keys()
    for name, weight in model.weights.items():
        assert back[name].tobytes() == weight.tobytes(), name


@pytest.mark.parametrize("cell", CELLS)
def test_the_tensors_are_those_of_pytorch_s_equations(cell):
    model = exported_models.model(cell)
    arena = Arena(parameters(model.settings, model.tokenizer.size))
    for name, view in arena.views.items():
        view[...] = model.weights[name]
    network = IncrementalModel(model.settings, arena)
    tokens = model.tokenizer.encode(b"the cat sat on the mat.\n")
    found = np.array([network.read(tokens[t : t + 1, None])[0].copy() for t in range(len(tokens))])
    expected = exported_models.logits(cell, to_state_dict(model.shape, model.weights), tokens)
    np.testing.assert_allclose(found, expected, atol=2e-5)  # float32 over 24 steps


def test_both_biases_of_another_program_are_added():
    model = exported_models.model("lstm")
    tensors = {name: tensor.copy() for name, tensor in to_state_dict(model.shape, model.weights).items()}
    tensors["rnn.bias_hh_l1"][:] = 0.25
    found = from_state_dict(model.shape, tensors, "it")
    np.testing.assert_allclose(found["layers.1.b"], model.weights["layers.1.b"] + 0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rnn.weight_hh_l1": None}, r"rnn\.weight_hh_l1 should have the shape \(32, 8\), it is missing"),
        ({"rnn.bias_ih_l0": np.zeros(31, np.float32)}, r"it has \(31,\)"),
        ({"rnn.weight_ih_l2": np.zeros((32, 8), np.float32)}, "'rnn.weight_ih_l2', which this network does not have"),
        ({"head.bias": np.full(28, np.nan, np.float32)}, "not finite"),
        ({"head.bias": np.zeros(28, np.int64)}, "no numbers"),
    ],
)
def test_tensors_that_do_not_fit_are_named(change, message):
    model = exported_models.model("lstm")
    tensors = to_state_dict(model.shape, model.weights)
    V = model.shape.vocabulary
    for name, value in change.items():
        if value is None:
            del tensors[name]
        else:
            tensors[name] = np.resize(value, V) if name == "head.bias" else value
    with pytest.raises(CorruptError, match=message):
        from_state_dict(model.shape, tensors, "It")


def test_tied_weights_that_differ_are_refused():
    model = exported_models.model("lstm", tied=True, embedding=8)
    tensors = to_state_dict(model.shape, model.weights)
    with pytest.raises(CorruptError, match="they differ"):
        from_state_dict(model.shape, {**tensors, "head.weight": tensors["head.weight"] + 1}, "It")
