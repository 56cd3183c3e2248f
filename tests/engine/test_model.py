"""The whole network against central differences in float64, with every part switched on."""

import numpy as np
import pytest
import tiny

from lstmtui.engine.backend import CELLS
from lstmtui.engine.model import Dropout, Network
from lstmtui.engine.params import Arena, parameters

T, B, V = 4, 3, 7
PARTS = ["plain", "table", "dropout"]  # with few tokens for its positions, a window reads the first layer from a table
EVERYTHING = Dropout(inputs=0.3, layers=0.3, weights=0.3, key=99)


def network(cell, *, tied=False, threads=1, dtype=np.float64, backward=True, T=T):
    s = tiny.settings("unused", cell=cell, tied=tied, hidden=4, embedding=4 if tied else 3)
    weights = Arena(parameters(s, V), dtype)
    weights.initialise(seed=2)
    random = np.random.default_rng(8)
    weights.flat[...] += 0.3 * random.standard_normal(weights.flat.shape)  # no zero hides a wrong gradient
    return Network(s, weights, T, B, threads=threads, backward=backward)


def batch(seed=4, T=T):
    random = np.random.default_rng(seed)
    return random.integers(0, V, (2, T, B)).astype(np.int32)


@pytest.mark.parametrize(("drop", "T"), [(Dropout(), T), (Dropout(), V), (EVERYTHING, T)], ids=PARTS)
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_gradient_agrees_with_central_differences(cell, tied, drop, T):
    net = network(cell, tied=tied, T=T)
    x, y = batch(T=T)
    states = {name: state.copy() for name, state in net.states().items()}
    for name, state in net.states().items():
        states[name] = state[...] = np.random.default_rng(3).standard_normal(state.shape)

    def loss():
        for name, state in net.states().items():
            state[...] = states[name]
        return net.gradient(x, y, drop)

    loss()
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


def test_dropout_changes_the_loss_and_its_key_decides_how():
    net = network("lstm")
    x, y = batch()

    def loss(drop):
        net.reset()
        return net.gradient(x, y, drop)

    plain = loss(Dropout())
    for part in ("inputs", "layers", "weights"):
        dropped = loss(Dropout(**{part: 0.5}, key=1))
        assert dropped != plain
        assert dropped == loss(Dropout(**{part: 0.5}, key=1))
        assert dropped != loss(Dropout(**{part: 0.5}, key=2))


def test_a_step_allocates_no_arrays():
    import tracemalloc

    net = network("lstm", dtype=np.float32)
    x, y = batch()
    net.gradient(x, y, EVERYTHING)
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for _ in range(20):
            net.gradient(x, y, EVERYTHING)
        grown = tracemalloc.take_snapshot().compare_to(before, "filename")
        peak = sum(entry.size_diff for entry in grown if "tracemalloc" not in entry.traceback[0].filename)
    finally:
        tracemalloc.stop()
    assert peak < net.layers[0].gates.nbytes * 20  # not one buffer a step is kept
