"""The whole network against central differences in float64, with every part switched on."""

import numpy as np
import pytest
from support import tiny

from lstmtui.engine.backend import CELLS
from lstmtui.engine.nn.language_model import MAX_LOGITS, MIN_ROWS, LanguageModel, segments
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.nn.recurrent import NO_PENALTY, Dropout, Penalty

T, B, V = 4, 3, 7
PARTS = ["plain", "table", "dropout"]  # with few tokens for its positions, a window reads the first layer from a table
EVERYTHING = Dropout(inputs=0.3, layers=0.3, weights=0.3, tokens=0.3, key=99)
PENALTIES = Penalty(activation=2.0, temporal=3.0)


def network(cell, *, tied=False, threads=1, dtype=np.float64, backward=True, T=T, segment=None, recompute=None):
    s = tiny.settings("unused", cell=cell, tied=tied, hidden=4, embedding=4 if tied else 3, recompute=recompute)
    weights = Arena(parameters(s, V), dtype)
    weights.initialise(seed=2)
    random = np.random.default_rng(8)
    weights.flat[...] += 0.3 * random.standard_normal(weights.flat.shape)  # no zero hides a wrong gradient
    return LanguageModel(s, weights, T, B, threads=threads, backward=backward, segment=segment)


def batch(seed=4, T=T):
    random = np.random.default_rng(seed)
    return random.integers(0, V, (2, T, B)).astype(np.int32)


@pytest.mark.parametrize(("drop", "T"), [(Dropout(), T), (Dropout(), V), (EVERYTHING, T)], ids=PARTS)
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_gradient_agrees_with_central_differences(cell, tied, drop, T):
    net = network(cell, tied=tied, T=T)
    x, y = batch(T=T)
    penalties = PENALTIES if drop is EVERYTHING else NO_PENALTY
    states = {name: state.copy() for name, state in net.states().items()}
    for name, state in net.states().items():
        states[name] = state[...] = np.random.default_rng(3).standard_normal(state.shape)
        if cell == "slstm" and name.endswith("c"):  # its normaliser is positive
            normaliser = states[name][:, 4:8]
            normaliser[...] = 0.5 + np.abs(normaliser)

    def loss():
        for name, state in net.states().items():
            state[...] = states[name]
        return net.gradient(x, y, drop, penalties) + net.recurrent.penalised

    loss()
    assert (net.recurrent.penalised > 0) == (drop is EVERYTHING)
    gradients = {name: g.copy() for name, g in net.gradients.views.items()}
    random = np.random.default_rng(1)
    for name, view in net.weights.views.items():
        flat = view.reshape(-1)
        for at in random.choice(flat.size, min(4, flat.size), replace=False) if flat.size else []:
            kept, step = flat[at], 1e-5
            flat[at] = kept + step
            above = loss()
            flat[at] = kept - step
            below = loss()
            flat[at] = kept
            difference = (above - below) / (2 * step)
            # 1e-6 relative; below 1e-4 the rounding of the difference itself, 1e-16 / 1e-5, shows.
            assert gradients[name].reshape(-1)[at] == pytest.approx(difference, rel=1e-6, abs=1e-10), name


@pytest.mark.parametrize("T", [T, V], ids=["rows", "table"])
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_gradients_do_not_contain_earlier_windows(tied, T):
    used = network("lstm", tied=tied, T=T, segment=2)
    for seed, drop in enumerate((Dropout(), Dropout(), EVERYTHING, EVERYTHING, Dropout(), Dropout())):
        found = []
        for net in (used, network("lstm", tied=tied, T=T, segment=2)):
            net.reset()
            net.gradient(*batch(seed, T), drop)
            found.append(net.gradients.flat.copy())
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("cell", CELLS)
def test_carried_state_makes_two_windows_equal_one_of_twice_the_length(cell):
    x, y = batch(T=2 * T)
    whole = network(cell, T=2 * T, backward=False).evaluate(x, y).copy()
    halves = network(cell, backward=False)
    found = [halves.evaluate(np.ascontiguousarray(x[:T]), np.ascontiguousarray(y[:T])).copy()]
    halves.carry()
    found.append(halves.evaluate(np.ascontiguousarray(x[T:]), np.ascontiguousarray(y[T:])))
    np.testing.assert_allclose(np.concatenate(found), whole, rtol=1e-13)


def test_loss_of_the_gradient_is_the_mean_of_the_evaluation():
    net = network("gru")
    x, y = batch()
    nll = net.evaluate(x, y).mean()
    net.reset()
    assert net.gradient(x, y) == pytest.approx(nll, rel=1e-13)


def test_two_threads_agree_with_one_and_with_themselves():
    x, y = batch()
    one, two, again = (network("peephole", threads=n) for n in (1, 2, 2))
    losses = [net.gradient(x, y, EVERYTHING) for net in (one, two, again)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert two.gradients.flat.tobytes() == again.gradients.flat.tobytes()
    np.testing.assert_allclose(one.gradients.flat, two.gradients.flat, rtol=1e-9, atol=1e-14)  # order of the sums


def test_dropout_depends_on_its_key_only():
    net = network("lstm")
    x, y = batch()

    def loss(drop):
        net.reset()
        return net.gradient(x, y, drop)

    plain = loss(Dropout())
    for part in ("inputs", "layers", "weights", "tokens"):
        dropped = loss(Dropout(**{part: 0.5}, key=1))
        assert dropped != plain
        assert dropped == loss(Dropout(**{part: 0.5}, key=1))
        assert dropped != loss(Dropout(**{part: 0.5}, key=2))


@pytest.mark.parametrize("penalties", [Penalty(activation=2.0), Penalty(temporal=3.0)], ids=["ar", "tar"])
def test_a_penalty_changes_the_gradients_but_not_the_reported_loss(penalties):
    x, y = batch()
    plain, penalised = network("gru"), network("gru")
    assert penalised.gradient(x, y, penalties=penalties) == plain.gradient(x, y)
    assert np.abs(penalised.gradients["layers.1.W_hh"] - plain.gradients["layers.1.W_hh"]).max() > 1e-4
    h = penalised.recurrent.layers[-1].h[1:]
    squares = np.square(h) if penalties.activation else np.square(np.diff(h, axis=0))
    rate = penalties.activation + penalties.temporal
    assert penalised.recurrent.penalised == pytest.approx(rate * squares.mean(), rel=1e-12)


def test_a_step_allocates_no_arrays():
    import gc
    import tracemalloc

    net = network("lstm", dtype=np.float32)
    x, y = batch()
    net.gradient(x, y, EVERYTHING, PENALTIES)
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for _ in range(20):
            net.gradient(x, y, EVERYTHING, PENALTIES)
        gc.collect()  # small objects of calls wait for it
        grown = tracemalloc.take_snapshot().compare_to(before, "filename")
        ours = [entry for entry in grown if "lstm" in entry.traceback[0].filename]
    finally:
        tracemalloc.stop()
    # Not one buffer a step is kept.
    assert sum(entry.size_diff for entry in ours) < net.recurrent.layers[0].gates.nbytes * 20


def two_windows(net, x, y, drop):
    """Return losses, gradients and states after each of two windows, as bytes."""
    found = []
    for _ in range(2):
        loss = net.gradient(x, y, drop, PENALTIES)
        net.carry()
        found.append(
            (
                loss,
                net.recurrent.penalised,
                net.gradients.flat.tobytes(),
                [state.tobytes() for state in net.states().values()],
            )
        )
    return found


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("drop", [Dropout(), EVERYTHING], ids=["table", "dropout"])
@pytest.mark.parametrize("cell", CELLS)
def test_recomputation_is_bit_identical(cell, drop, threads):
    x, y = batch(T=11)
    kept, recomputed = (
        network(cell, T=11, segment=4, recompute=recompute, threads=threads, dtype=np.float32)
        for recompute in (False, True)
    )
    assert two_windows(kept, x, y, drop) == two_windows(recomputed, x, y, drop)
    np.testing.assert_array_equal(kept.evaluate(x, y), recomputed.evaluate(x, y))


@pytest.mark.parametrize("drop", [Dropout(), EVERYTHING], ids=["table", "dropout"])
@pytest.mark.parametrize("cell", CELLS)
def test_segments_add_up_to_the_gradients_of_the_window(cell, drop):
    x, y = batch(T=11)
    whole, parts = (network(cell, T=11, segment=segment, recompute=True) for segment in (11, 3))
    assert whole.segments == [(0, 11)]
    assert parts.segments == [(0, 3), (3, 6), (6, 9), (9, 11)]
    for _ in range(2):
        assert parts.gradient(x, y, drop, PENALTIES) == pytest.approx(whole.gradient(x, y, drop, PENALTIES), rel=1e-13)
        assert parts.recurrent.penalised == pytest.approx(whole.recurrent.penalised, rel=1e-12)
        np.testing.assert_allclose(parts.gradients.flat, whole.gradients.flat, rtol=1e-10, atol=1e-14)
        parts.carry()
        whole.carry()


def test_recomputation_stores_the_gates_of_one_segment():
    x, _ = batch(T=11)
    stored, recomputed = (network("gru", T=11, segment=4, recompute=recompute) for recompute in (False, True))
    assert (stored.observe(x), recomputed.observe(x)) == (0, 8)
    for all_gates, last_gates in zip(stored.gates(), recomputed.gates(), strict=True):
        assert all_gates.shape == (11, B, 3, 4)
        np.testing.assert_array_equal(last_gates, all_gates[8:])
    for ours, theirs in zip(recomputed.recurrent.layers, stored.recurrent.layers, strict=True):
        assert ours.gates.nbytes * 11 == theirs.gates.nbytes * 4


@pytest.mark.parametrize(
    ("T", "B", "V"), [(1, 1, 2), (50, 50, 65), (100, 32, 65), (1000, 32, 65), (35, 20, 10_000), (1000, 32, 200_000)]
)
def test_segments_cover_the_window_and_are_long_enough_for_products(T, B, V):
    spans = segments(T, B, V)
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == T
    lengths = [end - start for start, end in spans]
    assert max(lengths) * B * V <= max(4 * MIN_ROWS * V, 4 * MAX_LOGITS)
    assert len(spans) == 1 or (max(lengths) + 1) * B >= MIN_ROWS
