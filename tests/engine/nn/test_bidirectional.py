"""Layers of two directions: against the reference sequence by sequence, and gradients of all that they take."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from support import naive, tiny
from support.gradcheck import assert_gradients_agree, numerical_gradient

from lstmtui.engine.nn.bidirectional import Bidirectional, parameters
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout

T, B, D, H, LENGTHS = 4, 3, 2, 3, np.array([4, 1, 3])


def bidirectional(cell, threads=2):
    s = tiny.run_settings(cell=cell, hidden=H)
    weights = Arena(parameters("encoder", s, 2, D), np.float64)
    weights.initialise(4)
    weights.flat[...] += 0.3 * np.random.default_rng(5).standard_normal(weights.flat.shape)
    gradients = Arena(weights.layout, np.float64)
    layers = Bidirectional(cell, weights, T, B, precision="float64", threads=threads, gradients=gradients)
    layers.set_lengths(LENGTHS)
    return layers, weights, gradients


def forward(layers, x, drop=NO_DROPOUT, dfinal=None):
    layers.draw(drop)
    layers.pack()
    layers.prepare(dfinal)
    return layers.forward(x)


def by_reference(cell, weights, x):
    """Return the outputs (n, 2H) of one sequence x (n, D), from the equations."""
    for k in range(2):
        halves = []
        for direction, inputs in (("forward", x), ("backward", x[::-1])):
            layer = {name: weights[f"encoder.{k}.{direction}.{name}"] for name in ("W_ih", "W_hh", "b", "unit")}
            zero = np.zeros((1, H)), np.zeros((1, naive.MEMORIES[cell] * H))
            h = naive.forward(cell, layer, inputs[:, None], *zero)[0][1:, 0]
            halves.append(h if direction == "forward" else h[::-1])
        x = np.hstack(halves)
    return x


@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm", "mingru"])
def test_outputs_equal_the_reference_in_both_directions(cell):
    layers, weights, _ = bidirectional(cell)
    x = np.random.default_rng(1).normal(size=(T, B, D))
    outputs = forward(layers, x)
    for b, n in enumerate(LENGTHS):
        np.testing.assert_allclose(outputs[:n, b], by_reference(cell, weights, x[:n, b]), rtol=1e-10, atol=1e-12)
        assert not outputs[n:, b].any()
    final = layers.final_states()
    for b, n in enumerate(LENGTHS):  # the forward half of the last output, and the backward half of the first
        np.testing.assert_array_equal(final["1.forward.0.h"][b], outputs[n - 1, b, :H])
        np.testing.assert_array_equal(final["1.backward.0.h"][b], outputs[0, b, H:])


@pytest.mark.parametrize("drop", [NO_DROPOUT, Dropout(0.3, 0.3, 0.3, key=5)], ids=["plain", "dropout"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_of_inputs_and_weights(cell, drop):
    layers, weights, gradients = bidirectional(cell)
    random = np.random.default_rng(2)
    x, wanted = random.normal(size=(T, B, D)), random.normal(size=(T, B, 2 * H))
    dfinal = {name: random.normal(size=state.shape) for name, state in layers.final_states().items()}

    def loss():
        total = float((forward(layers, x, drop) * wanted).sum())
        return total + sum(float((state * dfinal[name]).sum()) for name, state in layers.final_states().items())

    forward(layers, x, drop, dfinal)
    dx = layers.backward(wanted.copy(), x).copy()
    layers.finish()
    found = {name: view.copy() for name, view in gradients.views.items()}
    assert_gradients_agree(dx, numerical_gradient(loss, x), 1e-7)  # width^2 and rounding, see numerical_gradient
    for name in ("encoder.0.forward.W_hh", "encoder.0.backward.W_ih", "encoder.1.backward.b", "encoder.1.forward.W_ih"):
        assert_gradients_agree(found[name], numerical_gradient(loss, weights[name]), 1e-7)


@pytest.mark.parametrize("threads", [1, 3])
def test_any_number_of_threads_computes_the_same_bytes(threads):
    x, above = (np.random.default_rng(k).standard_normal((T, B, n)) for k, n in ((8, D), (9, 2 * H)))
    found = []
    for count in (2, threads):
        layers, _, gradients = bidirectional("gru", count)
        outputs = forward(layers, x).copy()
        dx = layers.backward(above, x).copy()
        layers.finish()
        found.append((outputs.tobytes(), dx.tobytes(), gradients.flat.tobytes()))
    assert found[0] == found[1]


def test_a_forked_process_computes_both_directions_too():
    layers, _, _ = bidirectional("gru")
    x = np.random.default_rng(8).standard_normal((T, B, D))
    expected = forward(layers, x).copy()
    child = os.fork()
    if not child:  # of the parent's threads it has none
        signal.alarm(30)
        os._exit(0 if np.array_equal(forward(layers, x), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
