"""The recurrent layers by themselves: gradients of inputs and of first states, in segments, with masks."""

import numpy as np
import pytest
from support import tiny
from support.gradcheck import assert_gradients_agree, numerical_gradient

from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena, layer_parameters
from lstmtui.engine.nn.recurrent import Dropout, Recurrent, layer_names, mask_key

T, B, D, H = 5, 2, 3, 4
SPANS = [(0, 2), (2, 5)]
DROP = Dropout(inputs=0.3, layers=0.3, weights=0.3, key=5)


def make_layers(cell, *, recompute=False, name="encoder"):
    s = tiny.run_settings(cell=cell, hidden=H)
    weights = Arena(layer_parameters(f"{name}.0", s, D) + layer_parameters(f"{name}.1", s, H), np.float64)
    weights.initialise(4)
    gradients = Arena(weights.layout, np.float64)
    layers = Recurrent(
        cell, weights, SPANS, B,
        compute=Compute("float64", 1), gradients=gradients, recompute=recompute, names=layer_names(weights, name),
    )  # fmt: skip
    for state in layers.states().values():
        state[...] = np.random.default_rng(6).standard_normal(state.shape)
    return layers


def run(layers, x, wanted, *, drop=DROP, in_buffer=False, dfinal=None):
    """Return sum(outputs * wanted) and the gradient of x (T, B, D), segment by segment."""

    def inputs(segment):
        start, end = SPANS[segment]
        if not in_buffer:
            return x[start:end]
        layers.inputs(segment)[...] = x[start:end]
        return layers.inputs(segment)

    layers.draw(drop)
    layers.pack()
    layers.prepare(dfinal)
    layers.gradients.flat.fill(0)
    total, dx = 0.0, np.zeros_like(x)
    for segment, (start, end) in enumerate(SPANS):
        layers.forward(segment, inputs(segment))
        total += float((layers.outputs(segment) * wanted[start:end]).sum())
    for segment in (1, 0):
        start, end = SPANS[segment]
        if layers.recomputes and segment == 0:
            layers.forward(segment, inputs(segment))
        dx[start:end] = layers.backward(segment, wanted[start:end].copy(), inputs(segment))
    layers.finish()
    return total, dx


@pytest.mark.parametrize("drop", [Dropout(), DROP], ids=["plain", "dropout"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_of_inputs_and_first_states(cell, drop):
    random = np.random.default_rng(1)
    x, wanted = random.standard_normal((T, B, D)), random.standard_normal((T, B, H))
    layers = make_layers(cell)
    states = {name: state.copy() for name, state in layers.states().items()}

    def loss():
        for name, state in layers.states().items():
            state[...] = states[name]
        return run(layers, x, wanted, drop=drop)[0]

    _, dx = run(layers, x, wanted, drop=drop)
    dfirst = {name: gradient.copy() for name, gradient in layers.dinitial().items()}
    assert_gradients_agree(dx, numerical_gradient(loss, x), 1e-7)  # width^2 and rounding, see numerical_gradient
    for name in states:
        assert_gradients_agree(dfirst[name], numerical_gradient(loss, states[name]), 1e-7)


def test_input_buffers_and_recomputation_do_not_change_results():
    random = np.random.default_rng(1)
    x, wanted = random.standard_normal((T, B, D)), random.standard_normal((T, B, H))
    before = x.copy()
    first = make_layers("lstm")
    total, dx = run(first, x, wanted)
    np.testing.assert_array_equal(x, before)
    for other, in_buffer in ((make_layers("lstm"), True), (make_layers("lstm", recompute=True, name="decoder"), False)):
        again, dx_again = run(other, x, wanted, in_buffer=in_buffer)
        assert again == total
        np.testing.assert_array_equal(dx_again, dx)
        assert other.gradients.flat.tobytes() == first.gradients.flat.tobytes()
    assert len(make_layers("lstm", recompute=True).layers[0].gates) == 3  # of the longest segment only


def test_mask_keys_are_unique_in_a_run():
    """A network of 64 layers has 130 masks a step."""
    keys = {mask_key((1 << 32) + step, place) for step in range(50) for place in range(130)}
    assert len(keys) == 50 * 130


def test_lengths_and_gradients_of_final_states():
    random = np.random.default_rng(3)
    x, wanted = random.standard_normal((T, B, D)), random.standard_normal((T, B, H))
    layers = make_layers("lstm")
    layers.set_lengths(np.array([3, 5]))
    dfinal = {name: random.standard_normal(state.shape) for name, state in layers.final_states().items()}
    states = {name: state.copy() for name, state in layers.states().items()}

    def loss(dfinal_in=None):
        for name, state in layers.states().items():
            state[...] = states[name]
        found, _ = run(layers, x, wanted, drop=Dropout(), dfinal=dfinal_in)
        return found + sum(float((state * dfinal[name]).sum()) for name, state in layers.final_states().items())

    loss(dfinal)
    dfirst = {name: gradient.copy() for name, gradient in layers.dinitial().items()}
    dW = layers.gradients["encoder.0.W_hh"].copy()
    for name in states:
        assert_gradients_agree(dfirst[name], numerical_gradient(loss, states[name]), 1e-7)
    assert_gradients_agree(dW, numerical_gradient(loss, layers.weights["encoder.0.W_hh"]), 1e-7)


@pytest.mark.parametrize("cell", ["gru", "slstm"])
def test_values_returns_every_gate_and_state(cell):
    layers = make_layers(cell)
    run(layers, np.ones((T, B, D)), np.ones((T, B, H)))
    values = layers.values(1)
    assert set(values) == {*layers.cell.gate_names, *layers.cell.states}
    assert all(value.shape == (T, B, H) for value in values.values())
    np.testing.assert_array_equal(values["h"], layers.activations(1).h[1:])
