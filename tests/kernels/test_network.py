"""Two layers between a tied embedding and softmax: all gradients of the loss against reference and differences."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cell_table import CELLS
from support import naive
from support.gradcheck import assert_gradients_agree, numerical_gradient
from support.layer_cases import run_layer, run_tied

T, B, H, V = 4, 3, 5, 6


def make(cell):
    rng = np.random.default_rng(7)
    layers = [naive.random_layer(cell, H, H, rng) for _ in range(2)]
    states = [naive.random_states(cell, B, H, rng)[:2] for _ in range(2)]
    tokens, targets = rng.integers(0, V, (2, T, B)).astype(np.int32)
    return layers, states, tokens, targets, rng.normal(size=(V, H)), rng.normal(size=V)


def with_kernels(cell, layers, states, tokens, targets, table, b_out, threads):
    """Return the mean nll and all gradients by name."""
    none, grads = np.zeros((B, H)), {}

    def body(x, output):
        def lower(h_1):
            grads["1"] = run_layer(
                cell, layers[1], h_1, *states[1], output, none, np.zeros_like(states[1][1]), threads
            )[3]
            return grads["1"]["x"]

        grads["0"] = run_layer(cell, layers[0], x, *states[0], lower, none, np.zeros_like(states[0][1]), threads)[3]
        return grads["0"]["x"]

    nll, dtable, db_out = run_tied(tokens, targets, table, b_out, body, threads)
    named = {f"{layer}.{name}": grad for layer in grads for name, grad in grads[layer].items()}
    return nll, {"table": dtable, "b_out": db_out, **named}


def with_reference(cell, layers, states, tokens, targets, table, b_out):
    none, xs, walks = np.zeros((B, H)), [table[tokens]], []
    for layer, h0, c0 in zip(layers, *zip(*states, strict=True), strict=True):
        walks.append(naive.forward(cell, layer, xs[-1], h0, c0))
        xs.append(walks[-1][0][1:])
    nll, dlogits = naive.cross_entropy(xs[2].reshape(-1, H) @ table.T + b_out, targets.ravel())
    dlogits /= T * B
    grads = {"table": dlogits.T @ xs[2].reshape(-1, H), "b_out": dlogits.sum(0)}
    dh = (dlogits @ table).reshape(T, B, H)
    for at in (1, 0):
        of_layer = naive.backward(cell, layers[at], xs[at], *walks[at], dh, none, np.zeros_like(states[at][1]))
        grads |= {f"{at}.{name}": grad for name, grad in of_layer.items()}
        dh = of_layer["x"]
    np.add.at(grads["table"], tokens, dh)
    return nll.mean(), grads


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_loss_and_gradients(cell, threads):
    model = make(cell)
    nll, grads = with_kernels(cell, *model, threads)
    nll_ref, grads_ref = with_reference(cell, *model)
    assert nll == pytest.approx(nll_ref, rel=1e-12)
    for name, grad in grads.items():
        if grad.size:
            np.testing.assert_allclose(grad, grads_ref[name], rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
def test_central_differences(cell):
    layers, states, _, _, table, b_out = model = make(cell)
    _, grads = with_kernels(cell, *model, 1)

    def loss():
        return with_kernels(cell, *model, 1)[0]

    arrays = {"table": table, "b_out": b_out, "0.h0": states[0][0], "1.h0": states[1][0]}
    arrays |= {f"{at}.{name}": layers[at][name] for at in (0, 1) for name in ("b", "unit")}
    arrays |= {"0.c0": states[0][1], "1.c0": states[1][1]}
    for name, array in arrays.items():
        assert_gradients_agree(grads[name], numerical_gradient(loss, array), 1e-6)
