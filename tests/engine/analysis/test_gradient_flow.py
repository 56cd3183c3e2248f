"""Gradient flow against central differences of a float64 network written from the equations."""

from __future__ import annotations

import numpy as np
import pytest
from support import naive, tiny

from lstmtui import config
from lstmtui.config import CELLS
from lstmtui.engine.analysis import gradient_flow
from lstmtui.engine.analysis.gradient_flow import GradientFlow
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import UsageError

V, D, H, L = 7, 3, 5, 2


def settings(cell: str, **changes: object) -> config.RunSettings:
    return tiny.run_settings(cell=cell, hidden=H, layers=L, embedding=D, tied=False, **changes)  # type: ignore[arg-type]


def initial(s: config.RunSettings, dtype: type = np.float64) -> Arena:
    """Return weights as a run begins with, but for the peepholes and biases of a unit, which begin at zero."""
    weights = Arena(parameters(s, V), dtype)
    weights.initialise(3)
    random = np.random.default_rng(5)
    for layer in range(L):
        unit = weights[f"layers.{layer}.unit"]
        unit[...] = random.normal(size=unit.shape) / 2
    return weights


def loss_after(cell: str, weights: Arena, tokens: np.ndarray, states: list[list[np.ndarray]]) -> np.ndarray:
    """Return the loss of the last of `tokens` (T + 1,) after reading the others from `states` [h, c] by layer."""
    states = [[state.copy() for state in layer] for layer in states]
    for token in tokens[:-1]:
        x = weights["embedding"][token][None]
        for k, layer in enumerate(states):
            at = f"layers.{k}"
            a_x = x @ weights[f"{at}.W_ih"].T + weights[f"{at}.b"]
            step = naive.step(cell, a_x, layer[0] @ weights[f"{at}.W_hh"].T, weights[f"{at}.unit"], *layer)
            layer[0], layer[1], x = step["h"], step["c"], step["h"]
    logits = x @ weights["softmax.W"].T + weights["softmax.b"]
    return naive.cross_entropy(logits, tokens[-1:])[0][0]


def states_after(cell: str, weights: Arena, tokens: np.ndarray) -> list[list[np.ndarray]]:
    states = [[np.zeros((1, H)), np.zeros((1, naive.MEMORIES[cell] * H))] for _ in range(L)]
    for token in tokens:
        x = weights["embedding"][token][None]
        for k, layer in enumerate(states):
            at = f"layers.{k}"
            a_x = x @ weights[f"{at}.W_ih"].T + weights[f"{at}.b"]
            step = naive.step(cell, a_x, layer[0] @ weights[f"{at}.W_hh"].T, weights[f"{at}.unit"], *layer)
            layer[0], layer[1], x = step["h"], step["c"], step["h"]
    return states


def by_differences(cell: str, weights: Arena, tokens: np.ndarray, lag: int, layer: int, state: int) -> float:
    """Return the norm of the gradient of the last token's loss with respect to one state, `lag` steps before it."""
    split = len(tokens) - 1 - lag
    states = states_after(cell, weights, tokens[:split])
    gradient = np.zeros(H)
    for j in range(H):
        found = []
        for width in (1e-5, -1e-5):
            states[layer][state][0, j] += width
            found.append(loss_after(cell, weights, tokens[split:], states))
            states[layer][state][0, j] -= width
        gradient[j] = (found[0] - found[1]) / 2e-5
    return float(np.linalg.norm(gradient))


# The gradients are 1e-3 and more here, and central differences are exact to 1e-10: float64 agrees to 1e-6 of them. In
# float32 the backward pass rounds about a hundred operations by 6e-8 each: 1e-4.
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-6), (np.float32, 1e-4)])
@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_central_differences_at_initialisation(cell, dtype, tolerance, monkeypatch):
    monkeypatch.setattr(gradient_flow, "CONTEXT", 3)
    monkeypatch.setattr(gradient_flow, "CHUNK", 4)
    s, lags = settings(cell), 9
    weights = initial(s, dtype)
    tokens = np.random.default_rng(1).integers(0, V, 3 + lags + 1)
    flow = GradientFlow(s, weights, tokens, lags=lags).measure(step=12)
    assert (flow.step, flow.cell) == (12, cell)
    assert flow.h.shape == (L, lags)
    assert flow.c.shape == (L, lags if naive.MEMORIES[cell] else 0)
    exact = Arena(weights.layout, np.float64)
    exact.flat[...] = weights.flat
    for layer in range(L):
        for lag in (1, 2, 5, lags):
            expected = by_differences(cell, exact, tokens, lag, layer, 0)
            assert flow.h[layer, lag - 1] == pytest.approx(expected, rel=tolerance)
            if naive.MEMORIES[cell]:
                expected = by_differences(cell, exact, tokens, lag, layer, 1)
                assert flow.c[layer, lag - 1] == pytest.approx(expected, rel=tolerance)


def test_means_over_sequences(monkeypatch):
    monkeypatch.setattr(gradient_flow, "CONTEXT", 2)
    s = settings("lstm")
    weights = initial(s)
    tokens = np.random.default_rng(1).integers(0, V, 3 * 6 + 1)
    together = GradientFlow(s, weights, tokens, lags=4, sequences=3).measure()
    alone = [GradientFlow(s, weights, tokens[at : at + 7], lags=4).measure() for at in (0, 6, 12)]
    np.testing.assert_allclose(together.h, np.mean([flow.h for flow in alone], axis=0), rtol=1e-12)
    np.testing.assert_allclose(together.c, np.mean([flow.c for flow in alone], axis=0), rtol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_half_life_follows_the_gate_that_forgets(cell):
    """With no weights, the gate is the sigmoid of its bias at every step."""
    s = settings(cell)
    weights = Arena(parameters(s, V), np.float64)
    weights.flat.fill(0)
    gates = {"lstm": ("f", 1), "peephole": ("f", 1), "coupled": ("i", -1), "gru": ("z", 1), "slstm": ("f", 1)}
    gates["mingru"] = ("z", -1)
    order = {
        "lstm": "ifgo",
        "peephole": "ifgo",
        "coupled": "igo",
        "gru": "rzn",
        "rnn": "h",
        "slstm": "ifzo",
        "mingru": "zn",
    }[cell]
    if cell in gates:
        gate, sign = gates[cell]
        at = order.index(gate)
        weights["layers.1.b"][at * H : (at + 1) * H] = sign * 2.0
    flow = GradientFlow(s, weights, np.zeros(60, np.int32), lags=20).measure()
    if cell == "rnn":
        assert flow.half_life.shape == (L, 0)
    else:
        retained = 1 / (1 + np.exp(-2.0))
        np.testing.assert_allclose(flow.half_life[1], np.log(0.5) / np.log(retained), rtol=1e-6)
        np.testing.assert_allclose(flow.half_life[0], 1.0, rtol=1e-6)


def test_short_texts_give_fewer_lags_and_none_is_refused():
    s = settings("gru")
    weights = initial(s)
    assert GradientFlow(s, weights, np.zeros(11, np.int32)).measure().lags == 8
    assert GradientFlow(s, weights, np.zeros(3, np.int32)).measure().lags == 2
    with pytest.raises(UsageError, match="3 tokens"):
        GradientFlow(s, weights, np.zeros(2, np.int32))
