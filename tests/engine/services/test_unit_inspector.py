"""Inspection of a model, against a network written from the equations."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from support import naive, tiny

from lstmtui.config import CELLS
from lstmtui.data.tokens import train as train_tokenizer
from lstmtui.engine.analysis.gradient_flow import GradientFlow
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.services.reading import MAX_TOKENS
from lstmtui.engine.services.serve import Service
from lstmtui.errors import UsageError

TEXT = "the cat sat on the mat.\na dog ran under a tree.\n" * 4  # longer than a chunk
"""Read in several chunks, the last one incomplete."""


def untrained(tmp_path, cell: str = "lstm") -> LoadedModel:
    """Return a network with initial weights a tokenizer of the text's characters."""
    s = tiny.settings(tiny.corpus(tmp_path), cell=cell, tokens="chars")
    tokenizer = train_tokenizer("chars", [tiny.text().encode()])
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(2)
    return LoadedModel(s, tokenizer, weights, 7)


def ask(service: Service, **request):
    (answer,) = service.answers(request)
    return answer


def states(model: LoadedModel, text: str) -> list[list[dict[str, np.ndarray]]]:
    """Return every step of every layer, from the equations."""
    w, s = model.weights, model.settings
    x = w["embedding"][model.tokenizer.encode(text.encode())][:, None].astype(np.float64)
    found = []
    for k in range(s.network.layers or 0):
        layer = {name: w[f"layers.{k}.{name}"].astype(np.float64) for name in ("W_ih", "W_hh", "b", "unit")}
        H, memories = s.network.hidden or 0, CELLS[s.network.cell].memories
        h, c, steps = naive.forward(s.network.cell, layer, x, np.zeros((1, H)), np.zeros((1, len(memories) * H)))
        for at, memory in enumerate(memories):
            for step, after in zip(steps, c[1:], strict=True):
                step[memory.name] = after[:, at * H : (at + 1) * H]
        found.append(steps)
        x = h[1:]
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_gates_and_states_equal_those_of_the_equations(tmp_path, cell):
    model = untrained(tmp_path, cell)
    service = Service(model)
    about = ask(service, op="inspect", text=TEXT)
    assert "".join(about["pieces"]) == TEXT
    assert about["parts"][-1] == "h"
    assert ("c" in about["parts"]) == (naive.MEMORIES[cell] > 0)
    assert not about["cut"]
    expected = states(model, TEXT)
    for layer in range(2):
        for part in about["parts"]:
            exact = np.array([step[part][0] for step in expected[layer]])  # (N, H)
            answer = ask(service, op="inspect_units", text=TEXT, layer=layer, part=part)
            coded = np.frombuffer(base64.b64decode(answer["map"]), np.int8).reshape(8, len(TEXT))
            np.testing.assert_allclose(coded.T * answer["scale"], exact, atol=0.5 * answer["scale"] + 2e-3)
            assert len(answer["selectivity"]) == len(answer["token"]) == len(answer["spread"]) == 8
        unit_answer = ask(service, op="inspect_unit", text=TEXT, layer=layer, unit=5)
        unit = unit_answer["values"]
        largest = max(np.abs(step["h"]).max() for step in expected[layer])
        assert unit_answer["largest"]["h"] == pytest.approx(largest, abs=2e-3)
        for part in about["parts"]:
            # float16 keeps three digits
            np.testing.assert_allclose(unit[part], [step[part][0, 5] for step in expected[layer]], atol=2e-3)


def test_bits_are_the_surprise_of_each_character(tmp_path):
    model = untrained(tmp_path)
    about = ask(Service(model), op="inspect", text=TEXT)
    h = np.array([step["h"][0] for step in states(model, TEXT)[-1]])
    w = model.weights
    tokens = model.tokenizer.encode(TEXT.encode())
    out = w["embedding"] if model.settings.network.tied else w["softmax.W"]
    nll, _ = naive.cross_entropy(h[:-1] @ out.T.astype(np.float64) + w["softmax.b"], tokens[1:])
    assert about["bits"][0] is None
    np.testing.assert_allclose(about["bits"][1:], nll / np.log(2), atol=2e-3)


def test_the_default_text_of_inspection_and_gradients_is_the_validation_text(tmp_path):
    model = untrained(tmp_path)
    service = Service(model)
    about = ask(service, op="inspect")
    text = tiny.text()
    valid = text[-round(0.1 * len(text)) :]
    assert "".join(about["pieces"])[:100] in text
    assert len(about["pieces"]) == pytest.approx(len(valid), abs=2)
    found = ask(service, op="gradients", lags=12)
    tokens = model.tokenizer.encode("".join(about["pieces"]).encode())
    expected = GradientFlow(model.settings, model.weights, tokens, lags=12).measure(7)
    np.testing.assert_allclose(found["h"], expected.h)
    np.testing.assert_allclose(found["half_life"], expected.half_life)
    assert found["step"] == 7


def test_overlong_texts_are_cut_and_marked(tmp_path):
    about = ask(Service(untrained(tmp_path)), op="inspect", text="a" * (MAX_TOKENS + 1))
    assert about["cut"]
    assert len(about["pieces"]) == MAX_TOKENS


def test_bad_requests_raise(tmp_path):
    service = Service(untrained(tmp_path))
    for request, message in (
        ({"op": "inspect", "text": 5}, "must be a string"),
        ({"op": "inspect_unit", "text": "a cat", "layer": 2, "unit": 0}, "no layer 2"),
        ({"op": "inspect_unit", "text": "a cat", "layer": 0, "unit": -1}, "no unit -1"),
        ({"op": "inspect_units", "text": "a cat", "layer": 0, "part": "z"}, "i, f, g, o, c, h"),
        ({"op": "inspect_span", "text": "a cat", "layer": 0, "part": "h", "first": 3, "last": 9}, "5 tokens"),
        ({"op": "gradients", "lags": 0}, "from 1 to 2000"),
    ):
        with pytest.raises(UsageError, match=message):
            ask(service, **request)


def test_spans_are_found_through_the_service(tmp_path):
    service = Service(untrained(tmp_path))
    period = len(TEXT) // 4
    for part in ("h", "c", "i"):
        found = ask(service, op="inspect_span", text=TEXT, layer=0, part=part, first=57, last=58)
        assert found["units"]
        again = [place for place in found["places"] if place["share"] > 0.99]
        # The text repeats itself, and by then the network has forgotten how it began.
        assert any(place["first"] <= 57 + period <= place["last"] for place in again)
        assert any(place["first"] <= 57 + 2 * period <= place["last"] for place in again)
