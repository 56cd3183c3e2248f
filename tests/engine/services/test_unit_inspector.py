"""Questions about the inside of a model, against a network written from the equations."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from support import naive, tiny

from lstmtui.config import CELLS
from lstmtui.data.tokens import train as train_tokenizer
from lstmtui.engine.analysis.gradient_flow import GradientFlow
from lstmtui.engine.inference.loaded_model import Trained
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.services.serve import Service
from lstmtui.engine.services.unit_inspector import LONGEST, on_in_span, places, selectivity, slowness
from lstmtui.errors import UsageError

TEXT = "the cat sat on the mat.\na dog ran under a tree.\n" * 4  # longer than a chunk
"""Read in two chunks and a piece of a third."""


def trained(tmp_path, cell: str = "lstm") -> Trained:
    """Return a network as it begins, with a tokenizer of the text's characters."""
    s = tiny.settings(tiny.corpus(tmp_path), cell=cell, tokens="chars")
    tokenizer = train_tokenizer("chars", [tiny.text().encode()])
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(2)
    return Trained(s, tokenizer, weights, 7)


def ask(service: Service, **question):
    (answer,) = service.answers(question)
    return answer


def states(model: Trained, text: str) -> list[list[dict[str, np.ndarray]]]:
    """Return every step of every layer, from the equations."""
    w, s = model.weights, model.settings
    x = w["embedding"][model.tokenizer.encode(text.encode())][:, None].astype(np.float64)
    found = []
    for k in range(s.layers or 0):
        layer = {name: w[f"layers.{k}.{name}"].astype(np.float64) for name in ("W_ih", "W_hh", "b", "unit")}
        H, memories = s.hidden or 0, CELLS[s.cell].memories
        h, c, steps = naive.forward(s.cell, layer, x, np.zeros((1, H)), np.zeros((1, len(memories) * H)))
        for at, memory in enumerate(memories):
            for step, after in zip(steps, c[1:], strict=True):
                step[memory.name] = after[:, at * H : (at + 1) * H]
        found.append(steps)
        x = h[1:]
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_every_gate_and_state_of_every_unit_at_each_character(tmp_path, cell):
    model = trained(tmp_path, cell)
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
            told = ask(service, op="inspect_units", text=TEXT, layer=layer, part=part)
            coded = np.frombuffer(base64.b64decode(told["map"]), np.int8).reshape(8, len(TEXT))
            np.testing.assert_allclose(coded.T * told["scale"], exact, atol=0.5 * told["scale"] + 2e-3)
            assert len(told["selectivity"]) == len(told["token"]) == len(told["spread"]) == 8
        answer = ask(service, op="inspect_unit", text=TEXT, layer=layer, unit=5)
        unit = answer["values"]
        largest = max(np.abs(step["h"]).max() for step in expected[layer])
        assert answer["largest"]["h"] == pytest.approx(largest, abs=2e-3)
        for part in about["parts"]:
            # float16 keeps three digits
            np.testing.assert_allclose(unit[part], [step[part][0, 5] for step in expected[layer]], atol=2e-3)


def test_surprise_is_that_of_the_next_character(tmp_path):
    model = trained(tmp_path)
    about = ask(Service(model), op="inspect", text=TEXT)
    h = np.array([step["h"][0] for step in states(model, TEXT)[-1]])
    w = model.weights
    tokens = model.tokenizer.encode(TEXT.encode())
    out = w["embedding"] if model.settings.tied else w["softmax.W"]
    nll, _ = naive.cross_entropy(h[:-1] @ out.T.astype(np.float64) + w["softmax.b"], tokens[1:])
    assert about["bits"][0] is None
    np.testing.assert_allclose(about["bits"][1:], nll / np.log(2), atol=2e-3)


def test_without_a_text_the_validation_text_is_read_and_gradients_follow_it(tmp_path):
    model = trained(tmp_path)
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


def test_long_texts_are_cut_and_said_to_be(tmp_path):
    about = ask(Service(trained(tmp_path)), op="inspect", text="a" * (LONGEST + 1))
    assert about["cut"]
    assert len(about["pieces"]) == LONGEST


def test_bad_questions_are_refused_in_words(tmp_path):
    service = Service(trained(tmp_path))
    for question, said in (
        ({"op": "inspect", "text": 5}, "must be a text"),
        ({"op": "inspect_unit", "text": "a cat", "layer": 2, "unit": 0}, "no layer 2"),
        ({"op": "inspect_unit", "text": "a cat", "layer": 0, "unit": -1}, "no unit -1"),
        ({"op": "inspect_units", "text": "a cat", "layer": 0, "part": "z"}, "i, f, g, o, c, h"),
        ({"op": "inspect_span", "text": "a cat", "layer": 0, "part": "h", "first": 3, "last": 9}, "5 tokens"),
        ({"op": "gradients", "lags": 0}, "from 1 to 2000"),
    ):
        with pytest.raises(UsageError, match=said):
            ask(service, **question)


def test_a_unit_that_follows_one_token_is_the_most_selective():
    random = np.random.default_rng(0)
    tokens = random.integers(0, 5, 300)
    values = random.normal(scale=0.1, size=(300, 4))
    values[:, 2] += tokens == 3
    values[:, 1] -= 0.3 * (tokens == 1)
    score, token = selectivity(values, tokens)
    assert np.argsort(-score)[:2].tolist() == [2, 1]
    assert token[2] == 3
    assert token[1] == 1
    assert score[0] < 0.3
    assert selectivity(values[:4], np.arange(4))[1].tolist() == [-1] * 4


def test_slow_units_hold_on():
    random = np.random.default_rng(0)
    noise = random.normal(size=(500, 2))
    walk = np.cumsum(noise[:, 0])
    slow = slowness(np.stack([walk, noise[:, 1], np.ones(500)], axis=1))
    assert slow[0] > 0.9
    assert abs(slow[1]) < 0.2
    assert slow[2] == 0


def test_a_span_is_found_again_by_its_units():
    values = np.zeros((60, 6))
    for first in (10, 30, 50):
        values[first : first + 5, 0], values[first : first + 5, 1] = 0.9, -0.8
    values[30:35, 4] = 0.5  # on only once
    values[:, 5] = 0.9  # on everywhere, which says nothing
    values[20:23, :2] = 0.9, -0.8  # too short
    units, signs = on_in_span(values, 11, 14, 0.3)
    assert units.tolist() == [0, 1]
    assert signs.tolist() == [1, -1]
    found = places(values, units, signs, 11, 14, 0.3)
    assert [place[:2] for place in found] == [(30, 34), (50, 54), (20, 22)]
    assert all(place[2] == 1 for place in found)


def test_the_span_question_goes_through(tmp_path):
    service = Service(trained(tmp_path))
    period = len(TEXT) // 4
    for part in ("h", "c", "i"):
        found = ask(service, op="inspect_span", text=TEXT, layer=0, part=part, first=57, last=58)
        assert found["units"]
        again = [place for place in found["places"] if place["share"] > 0.99]
        # The text repeats itself, and by then the network has forgotten how it began.
        assert any(place["first"] <= 57 + period <= place["last"] for place in again)
        assert any(place["first"] <= 57 + 2 * period <= place["last"] for place in again)
