"""The forward pass of five cells in float32 against ONNX Runtime's recurrent operators.

ONNX orders gates i o f c (LSTM), z r h (GRU), has peepholes in the order i o f, `input_forget` for the coupled gate,
and `linear_before_reset` for the GRU whose reset follows the product.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import naive
from support.layer_cases import run_layer

T, B, D, H = 6, 3, 4, 7
OPERATOR = {"rnn": "RNN", "lstm": "LSTM", "peephole": "LSTM", "coupled": "LSTM", "gru": "GRU"}
# Our row blocks in ONNX's order. The coupled cell has no block f: ONNX computes f from i, but wants one to be there.
ORDER = {"rnn": [0], "lstm": [0, 3, 1, 2], "peephole": [0, 3, 1, 2], "coupled": [0, 2, 0, 1], "gru": [1, 0, 2]}


def in_onnx(cell, layer, x, h0, c0):
    """Return h (T, B, H) as ONNX Runtime computes it."""

    def blocks(array):
        parts = np.split(array, naive.GATES[cell])
        return np.concatenate([parts[at] for at in ORDER[cell]])[None].astype(np.float32)

    bias_hh = np.zeros_like(layer["b"])
    if cell == "gru":
        bias_hh[2 * H :] = layer["unit"][0]
    bias = np.concatenate([blocks(layer["b"]), blocks(bias_hh)], axis=1)
    inputs = {"X": x, "W": blocks(layer["W_ih"]), "R": blocks(layer["W_hh"]), "B": bias}
    names = ["X", "W", "R", "B", "", "h0"]
    attributes: dict[str, int] = {"hidden_size": H}
    inputs["h0"] = h0[None]
    if OPERATOR[cell] == "LSTM":
        inputs["c0"] = c0[None]
        names.append("c0")
    if cell == "peephole":
        p_i, p_f, p_o = layer["unit"]
        inputs["P"] = np.concatenate([p_i, p_o, p_f])[None]
        names.append("P")
    if cell == "coupled":
        attributes["input_forget"] = 1
    if cell == "gru":
        attributes["linear_before_reset"] = 1
    node = helper.make_node(OPERATOR[cell], names, ["Y"], **attributes)
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in inputs.items()]
    out = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [T, 1, B, H])
    model = helper.make_model(
        helper.make_graph([node], "cell", [], [out], constants), opset_imports=[helper.make_opsetid("", 14)]
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {})[0][:, 0]


@pytest.mark.parametrize("cell", OPERATOR)
def test_forward(cell):
    rng = np.random.default_rng(3)
    layer = {name: value / 2 for name, value in naive.random_layer(cell, D, H, rng).items()}
    x, (h0, c0), none = rng.normal(size=(T, B, D)).astype(np.float32), rng.normal(size=(2, B, H)), np.zeros((B, H))
    h = run_layer(cell, layer, x, h0, c0, np.zeros((T, B, H)), none, none)[0]
    np.testing.assert_allclose(h[1:], in_onnx(cell, layer, x, h0, c0), atol=1e-5)
