"""Networks that read numbers: every gradient by central differences, for each kind of answer."""

import numpy as np
import pytest
from support import tiny
from support.gradcheck import assert_gradients_agree, numerical_gradient

from lstmtui.data.memory_tasks import Batch
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.sequence_model import LOSSES, SequenceModel, parameters

T, B, D, K, H = 5, 3, 2, 4, 3


def network(cell, kind, *, backward=True, layers=2):
    s = tiny.run_settings(cell=cell, hidden=H, layers=layers)
    weights = Arena(parameters(s, D, K), np.float64)
    weights.initialise(2)
    weights.flat[...] += 0.3 * np.random.default_rng(8).standard_normal(weights.flat.shape)
    return SequenceModel(s, weights, kind, T, B, gradients=Arena(weights.layout, np.float64) if backward else None)


def batch(kind):
    random = np.random.default_rng(3)
    asked = random.random((T, B)) < 0.6
    N = int(asked.sum())
    assert 0 < N < T * B
    y = {
        "numbers": random.standard_normal((N, K)),
        "classes": random.integers(0, K, N).astype(np.int32),
        "sets": random.integers(0, 2, (N, K)).astype(np.float64),
    }[kind]
    return Batch(random.standard_normal((T, B, D)), asked, y)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_agree_with_central_differences(cell, kind):
    net, given = network(cell, kind), batch(kind)
    net.gradient(given)
    gradients = {name: g.copy() for name, g in net.gradients.views.items()}
    for name, weights in net.weights.views.items():
        expected = numerical_gradient(lambda: net.gradient(given), weights)
        assert_gradients_agree(gradients[name], expected, 1e-7)  # width^2 and rounding, see numerical_gradient


def test_losses_agree_with_their_definitions():
    answers, y = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.0, 1.0], [1.0, 1.0]])
    assert LOSSES["numbers"](answers, y, 1)[0] == pytest.approx((1 + 9 + 0.25 + 4) / 2)
    p = 1 / (1 + np.exp(-answers))
    assert LOSSES["sets"](answers, y, 1)[0] == pytest.approx(-np.log(np.where(y > 0, p, 1 - p)).sum() / 2)
    chosen = np.array([1, 0], np.int32)
    p = np.exp(answers) / np.exp(answers).sum(axis=1, keepdims=True)
    assert LOSSES["classes"](answers.copy(), chosen, 1)[0] == pytest.approx(-np.log(p[[0, 1], chosen]).mean())


def test_large_logits_do_not_overflow():
    loss, gradient = LOSSES["sets"](np.array([[1e4, -1e4]], np.float32), np.array([[0.0, 0.0]], np.float32), 1)
    assert loss == pytest.approx(1e4)
    np.testing.assert_array_equal(gradient, [[1, 0]])


def test_positions_without_target_do_not_affect_loss_or_gradient():
    """Inputs after the last question, and answers that nobody asked for, change nothing."""
    net, given = network("lstm", "classes", layers=1), batch("classes")
    asked = given.asked.copy()
    asked[3:] = False
    asked[0, 0] = True
    y = np.zeros(int(asked.sum()), np.int32)
    before = net.gradient(Batch(given.x, asked, y)), net.gradients.flat.tobytes()
    later = given.x.copy()
    later[3:] += 1
    assert (net.gradient(Batch(later, asked, y)), net.gradients.flat.tobytes()) == before
    assert net.answers(Batch(later, asked, y)).shape == (len(y), K)


def test_each_batch_starts_from_states_of_0():
    net, given = network("gru", "numbers"), batch("numbers")
    first = net.gradient(given)
    assert net.gradient(given) == first
