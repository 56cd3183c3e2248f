"""Exported graphs in ONNX Runtime, against the equations in float64."""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime
import pytest
from support import exported_models

from lstmtui.config import CELLS
from lstmtui.errors import UsageError
from lstmtui.exchange import onnx_layers
from lstmtui.exchange.onnx_graph import language_model, write_onnx
from lstmtui.exchange.state_dict import to_state_dict

TEXT = b"the cat sat on the mat.\na dog ran"


def session(model):
    return onnxruntime.InferenceSession(language_model(model).SerializeToString(), providers=["CPUExecutionProvider"])


def states(model, batch: int) -> dict[str, np.ndarray]:
    """Return the states at the start of a text."""
    return {name: np.zeros((2, batch, 8), np.float32) for name in CELLS[model.shape.cell].states}


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_and_single_steps_give_the_logits_of_the_equations(cell, tied):
    model = exported_models.model(cell, tied=tied, embedding=8 if tied else 6)
    tokens = model.tokenizer.encode(TEXT)
    expected = exported_models.logits(cell, to_state_dict(model.shape, model.weights), tokens)
    runtime = session(model)
    whole, *_ = runtime.run(None, {"tokens": np.array([tokens, tokens[::-1]], np.int64), **states(model, 2)})
    np.testing.assert_allclose(whole[0], expected, atol=1e-5)
    carried = states(model, 1)
    for t, token in enumerate(tokens):
        logits, *after = runtime.run(None, {"tokens": np.array([[token]], np.int64), **carried})
        np.testing.assert_allclose(logits[0, 0], expected[t], atol=1e-5)
        carried = dict(zip(carried, after, strict=True))


def test_a_text_is_decoded_token_by_token_as_the_equations_decode_it():
    model = exported_models.model("lstm")
    runtime, carried, tokens = session(model), states(model, 1), model.tokenizer.encode(b"the ").tolist()
    prompt = np.array([tokens], np.int64)
    for _ in range(20):
        logits, *after = runtime.run(None, {"tokens": prompt, **carried})
        carried = dict(zip(carried, after, strict=True))
        tokens.append(int(logits[0, -1].argmax()))
        prompt = np.array([tokens[-1:]], np.int64)
    by_equations = model.tokenizer.encode(b"the ").tolist()
    for _ in range(20):
        found = exported_models.logits("lstm", to_state_dict(model.shape, model.weights), np.array(by_equations))
        by_equations.append(int(found[-1].argmax()))
    assert tokens == by_equations


def test_large_weights_go_into_a_file_of_their_own(tmp_path, monkeypatch):
    model = exported_models.model("gru", hidden=32)  # small tensors stay in the graph
    write_onnx(tmp_path, model)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    monkeypatch.setattr(onnx_layers, "MAX_INLINE_BYTES", 100)
    other = tmp_path / "large"
    other.mkdir()
    write_onnx(other, model)
    assert {path.name for path in other.iterdir()} == {"model.onnx", "model.onnx.data"}
    runtime = onnxruntime.InferenceSession(other / "model.onnx")
    assert runtime.get_modelmeta().custom_metadata_map["cell"] == "gru"


def test_without_the_package_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError, match=r"lstmtui\[onnx\]"):
        write_onnx(tmp_path, exported_models.model())
