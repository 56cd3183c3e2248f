from __future__ import annotations

import numpy as np
import pytest
from support import exported_models

from lstmtui.errors import CorruptError
from lstmtui.exchange.foreign import adopt
from lstmtui.exchange.state_dict import from_state_dict, to_state_dict


def foreign(cell: str, names: dict[str, str], **changes):
    """Return a network and its tensors with beginnings of names replaced."""
    model = exported_models.model(cell, **changes)
    tensors = to_state_dict(model.shape, model.weights)
    for old, new in names.items():
        tensors = {new + name.removeprefix(old) if name.startswith(old) else name: t for name, t in tensors.items()}
    return model, tensors


NAMES = (
    {"embedding": "encoder", "head": "decoder"},
    {"embedding": "module.wte", "rnn": "module.core.lstm", "head": "module.fc"},
)


@pytest.mark.parametrize("names", NAMES, ids=range(2))
@pytest.mark.parametrize("sizes", [{"embedding": 6}, {"embedding": 8}], ids=str)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_network_under_any_names(cell, sizes, names):
    model, tensors = foreign(cell, names, **sizes)
    shape, found = adopt(tensors, "it")
    assert shape == model.shape
    back = from_state_dict(shape, found, "it")
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(back[name], weight)


def test_tied_weights_saved_once_and_layers_without_biases():
    model, tensors = foreign("lstm", {}, embedding=8, tied=True)
    del tensors["head.weight"], tensors["head.bias"]
    tensors = {name: t for name, t in tensors.items() if "bias" not in name}
    shape, found = adopt(tensors, "it")
    assert shape == model.shape
    assert not from_state_dict(shape, found, "it")["layers.1.b"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rnn.weight_ih_l0_reverse": 1}, "bidirectional"),
        ({"rnn.weight_hr_l0": 1}, "projected"),
        ({"other.weight_ih_l0": 1}, "no network of one"),
        ({"rnn.weight_hh_l0": None}, "no network of one"),
        ({"rnn.weight_hh_l0": np.zeros((40, 8), np.float32)}, "of no nn.LSTM"),
        ({"rnn.weight_hh_l0": np.zeros((0, 8), np.float32)}, "no network of one"),
        ({"attention.weight": np.zeros((3, 3), np.float32)}, "attention.weight"),
        ({"norm.weight": np.zeros(8, np.float32)}, "norm.weight"),
        ({"head.weight": np.zeros((5, 8), np.float32)}, "do not fit"),
    ],
)
def test_other_networks_are_named(change, message):
    _, tensors = foreign("lstm", {})
    for name, value in change.items():
        if value is None:
            del tensors[name]
        else:
            tensors[name] = np.zeros((4, 4), np.float32) if isinstance(value, int) else value
    with pytest.raises(CorruptError, match=message):
        adopt(tensors, "it")
