import itertools

import numpy as np
import pytest
from support import tiny

from lstmtui.engine.backend import CELLS
from lstmtui.engine.nn.params import ALIGNED, Arena, log_frequencies, parameters


def arena(cell="lstm", **changes):
    s = tiny.settings("unused", cell=cell, tied=False, **changes)
    made = Arena(parameters(s, vocabulary=11))
    made.initialise(seed=5)
    return made


@pytest.mark.parametrize("cell", CELLS)
def test_shapes_follow_the_cell(cell):
    G, R, P = len(CELLS[cell].gates), len(CELLS[cell].recurrent_gates), len(CELLS[cell].unit_params)
    shapes = {name: view.shape for name, view in arena(cell).views.items()}
    assert shapes == {
        "embedding": (11, 6),
        "layers.0.W_ih": (8 * G, 6),
        "layers.0.W_hh": (8 * R, 8),
        "layers.0.b": (8 * G,),
        "layers.0.unit": (P, 8),
        "layers.1.W_ih": (8 * G, 8),
        "layers.1.W_hh": (8 * R, 8),
        "layers.1.b": (8 * G,),
        "layers.1.unit": (P, 8),
        "softmax.W": (11, 8),
        "softmax.b": (11,),
    }


def test_tied_network_has_no_softmax_matrix():
    s = tiny.settings("unused", tied=True, embedding=8)
    assert "softmax.W" not in Arena(parameters(s, vocabulary=11)).views


def test_views_are_aligned_disjoint_windows_of_the_flat_array():
    made = arena()
    start = made.flat.__array_interface__["data"][0]
    places = sorted((v.__array_interface__["data"][0] - start, v.nbytes) for v in made.views.values() if v.size)
    assert all(at % (4 * ALIGNED) == 0 for at, _ in places)
    assert all(at + size <= following for (at, size), (following, _) in itertools.pairwise(places))
    assert made.count == sum(v.size for v in made.views.values())


def test_weight_decay_reaches_the_recurrent_and_softmax_matrices_only():
    made = arena()
    made.flat[...] = 0
    made.flat[: made.decayed] = 1
    decayed = {name for name, view in made.views.items() if view.size and view.all()}
    assert decayed == {"layers.0.W_ih", "layers.0.W_hh", "layers.1.W_ih", "layers.1.W_hh", "softmax.W"}
    assert not any(made[name].any() for name in set(made.views) - decayed)


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_matrices_are_orthogonal_for_each_gate(cell):
    for block in arena(cell)["layers.1.W_hh"].reshape(-1, 8, 8):
        np.testing.assert_allclose(block @ block.T, np.eye(8), atol=1e-6)  # float32


def test_forget_bias_opens_the_forget_gate():
    np.testing.assert_array_equal(arena("lstm")["layers.0.b"].reshape(4, 8)[1], 1)
    np.testing.assert_array_equal(arena("coupled")["layers.0.b"].reshape(3, 8)[0], -1)  # f = 1 - i
    assert not arena("gru")["layers.0.b"].any()
    np.testing.assert_array_equal(arena("slstm")["layers.0.b"].reshape(4, 8)[1], 1)
    np.testing.assert_array_equal(arena("peephole", forget_bias=2.5)["layers.1.b"].reshape(4, 8)[1], 2.5)


def test_chrono_biases_spread_memories_over_the_span():
    """Chrono initialisation: keeping gates forget half after ln 2 of 1 to span - 1 steps, spread evenly."""
    for cell, gate, sign in (
        ("lstm", 1, 1),
        ("peephole", 1, 1),
        ("gru", 1, 1),
        ("coupled", 0, -1),
        ("slstm", 1, 1),
        ("mingru", 0, -1),
    ):
        biases = arena(cell, hidden=400, init_span=50)["layers.1.b"].reshape(-1, 400)
        steps = np.exp(sign * biases[gate])  # 1 / (1 - sigmoid(b)) = 1 + exp(b)
        assert 1 <= steps.min() < 2
        assert 48 < steps.max() <= 49
        assert abs(np.median(steps) - 25) < 4
        if cell == "lstm":
            np.testing.assert_array_equal(biases[0], -biases[1])
            assert not biases[2:].any()
    assert not arena("rnn", init_span=50)["layers.0.b"].any()


def test_recurrent_weights_can_be_uniform():
    W = arena("lstm", hidden=16, init_recurrent="uniform")["layers.0.W_hh"]
    assert 0.2 < np.abs(W).max() <= 0.25
    assert np.abs(W[:16] @ W[:16].T - np.eye(16)).max() > 0.1


def test_the_same_seed_draws_the_same_weights_and_another_does_not():
    first, again, other = arena(), arena(), arena()
    other.initialise(seed=6)
    assert first.flat.tobytes() == again.flat.tobytes()
    assert first["embedding"].tobytes() != other["embedding"].tobytes()


def test_the_initial_softmax_bias_is_the_log_frequency_of_tokens():
    bias = log_frequencies(np.array([0, 0, 0, 2], np.uint8), 4)
    np.testing.assert_allclose(np.exp(bias), np.array([3.1, 0.1, 1.1, 0.1]) / 4.4)
