import math

import numpy as np
import pytest
from support import tiny

from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.nn.training_step import Gradient, Update, take_step

UPDATE = Update(step=1, lr=0.1, clip=1.0, weight_decay=0.0)


@pytest.fixture
def trained():
    s = tiny.settings("unused", tied=False)
    weights = Arena(parameters(s, 9))
    weights.initialise(1)
    return weights, Arena(weights.layout), Optimizer(s, weights, 1)


def test_a_step_changes_the_weights_by_the_gradient_it_computes(trained):
    weights, gradients, optimizer = trained
    before = weights.flat.copy()

    def backward():
        gradients.flat[...] = 0.5
        return 1.25

    found = take_step(optimizer, gradients, backward, UPDATE)
    assert (found.loss, found.is_finite) == (1.25, True)
    assert found.norm == pytest.approx(float(np.linalg.norm(gradients.flat)))
    assert not np.array_equal(weights.flat, before)


@pytest.mark.parametrize(("loss", "value"), [(math.nan, 0.5), (1.0, math.inf), (1.0, math.nan)])
def test_a_non_finite_loss_or_gradient_leaves_the_weights_unchanged(trained, loss, value):
    weights, gradients, optimizer = trained
    before = weights.flat.copy()

    def backward():
        gradients.flat[...] = value
        return loss

    assert not take_step(optimizer, gradients, backward, UPDATE).is_finite
    assert np.array_equal(weights.flat, before)


def test_a_finite_loss_and_norm_are_finite():
    assert Gradient(None, 1.0, 1.0).is_finite
