import numpy as np
import pytest
from support import tiny

from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, parameters


def made(**changes):
    s = tiny.settings("unused", tied=False, **changes)
    weights, gradients = Arena(parameters(s, 11)), Arena(parameters(s, 11))
    weights.initialise(1)
    gradients.flat[...] = np.random.default_rng(2).standard_normal(gradients.flat.shape)
    optimizer = Optimizer(s, weights, threads=1)
    optimizer.reset()
    return weights, gradients, optimizer


def test_clips_to_the_maximum_norm():
    weights, gradients, optimizer = made(optimizer="sgd", ema=0.0)
    before, norm = weights.flat.copy(), optimizer.norm(gradients)
    assert norm == pytest.approx(np.linalg.norm(gradients.flat.astype(np.float64)))
    clipped = optimizer.apply(gradients, norm=norm, step=1, lr=1.0, clip=0.5, weight_decay=0.0)
    assert clipped
    assert np.linalg.norm((weights.flat - before).astype(np.float64)) == pytest.approx(0.5, rel=1e-4)  # float32


def test_small_gradients_are_not_clipped():
    weights, gradients, optimizer = made(optimizer="sgd", ema=0.0)
    before = weights.flat.copy()
    assert not optimizer.apply(gradients, norm=1.0, step=1, lr=0.1, clip=1e9, weight_decay=0.0)
    np.testing.assert_allclose(weights.flat, before - np.float32(0.1) * gradients.flat, rtol=1e-5, atol=1e-6)


def test_first_adamw_step_is_the_learning_rate_in_the_gradients_direction():
    weights, gradients, optimizer = made(ema=0.0)
    before = weights.flat.copy()
    optimizer.apply(gradients, norm=1.0, step=1, lr=0.01, clip=1e9, weight_decay=0.0)
    np.testing.assert_allclose(weights.flat - before, -0.01 * np.sign(gradients.flat), rtol=1e-3)  # eps, float32


def test_weight_decay_shrinks_matrices_only():
    weights, gradients, optimizer = made(ema=0.0)
    gradients.flat[...] = 0
    before = weights.flat.copy()
    optimizer.apply(gradients, norm=0.0, step=1, lr=0.1, clip=1.0, weight_decay=0.5)
    split = weights.decayed
    np.testing.assert_allclose(weights.flat[:split], before[:split] * 0.95, rtol=1e-6)
    np.testing.assert_array_equal(weights.flat[split:], before[split:])


def test_averaged_weights_follow_slowly():
    weights, gradients, optimizer = made(ema=0.99)
    initial = weights.flat.copy()
    optimizer.apply(gradients, norm=1.0, step=1, lr=0.1, clip=1e9, weight_decay=0.0)
    decay = 2 / 11  # (1 + step) / (10 + step) while that is below ema
    expected = decay * initial + (1 - decay) * weights.flat
    np.testing.assert_allclose(optimizer.evaluated.flat, expected, rtol=1e-5, atol=1e-6)


def test_without_averaging_the_weights_themselves_are_evaluated():
    weights, _, optimizer = made(ema=0.0)
    assert optimizer.evaluated is weights
    assert set(optimizer.arenas()) == {"weights", "m", "v"}
    assert set(made(optimizer="sgd", ema=0.5)[2].arenas()) == {"weights", "m", "ema"}


def test_the_norm_of_nan_or_infinity_is_not_finite():
    for bad in (np.nan, np.inf):
        _, gradients, optimizer = made()
        gradients.flat[3] = bad
        assert not np.isfinite(optimizer.norm(gradients))
