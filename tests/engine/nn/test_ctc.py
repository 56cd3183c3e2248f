"""The block of CTC: gradients of inputs and weights, shorter batches, and a toy that learns its labels."""

from __future__ import annotations

import numpy as np
from support.gradcheck import assert_gradients_agree, numerical_gradient

from lstmtui.engine.backend import CTCTargets
from lstmtui.engine.nn.ctc import CTC, parameters
from lstmtui.engine.nn.params import Arena

T, B, D, V, U = 6, 3, 4, 5, 3
TARGETS = CTCTargets(
    np.array([6, 4, 3], np.int32), np.array([[1, 1, 4], [2, 3, -1], [2, 2, 2]], np.int32), np.array([3, 2, 3], np.int32)
)
"""The third has too few frames for its labels."""


def ctc(T=T, U=U):
    weights = Arena(parameters("ctc", D, V), np.float64)
    weights.initialise(1)
    gradients = Arena(weights.layout, np.float64)
    return CTC(weights, T, B, U, precision="float64", threads=2, gradients=gradients)


def test_gradients_of_inputs_and_weights():
    block, x = ctc(), np.random.default_rng(2).normal(size=(T, B, D))

    def loss():
        block.pack()
        return 0.5 * float(block.forward(x, TARGETS, 0.5).sum())

    loss()
    np.testing.assert_array_equal(block.aligned, [1, 1, 0])
    assert block.nll[2] == 0
    assert_gradients_agree(block.backward(x).copy(), numerical_gradient(loss, x), 1e-8)
    loss()
    block.backward(x)
    for name in ("ctc.W", "ctc.b"):
        found = block.gradients[name].copy()
        assert_gradients_agree(found, numerical_gradient(loss, block.weights[name]), 1e-8)
        loss()
        block.backward(x, add=True)
        np.testing.assert_allclose(block.gradients[name], 2 * found, rtol=1e-12, atol=1e-14)
        block.backward(x)


def test_shorter_batches_use_part_of_the_buffers():
    x = np.random.default_rng(3).normal(size=(4, B, D))
    targets = CTCTargets(np.array([4, 2, 3], np.int32), TARGETS.labels[:, :2].copy(), np.array([2, 0, 1], np.int32))
    fresh, used = ctc(4, 2), ctc()
    used.pack()
    used.forward(np.ones((T, B, D)), TARGETS, 1.0)
    used.backward(np.ones((T, B, D)))
    found = []
    for block in (fresh, used):
        block.pack()
        nll = block.forward(x, targets, 0.5).copy()
        found.append([nll, block.backward(x).copy(), block.gradients.flat.copy()])
    for got, wanted in zip(*found, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_inputs_learn_their_labels():
    """Plain gradient descent on the weights, until the best path collapses to the labels."""
    block, x = ctc(), 3 * np.random.default_rng(4).normal(size=(T, B, D))
    for _ in range(300):
        block.pack()
        block.forward(x, TARGETS, 1.0)
        block.backward(x)
        block.weights.flat[...] -= 0.1 * block.gradients.flat
    block.pack()
    best = block.logits(x).argmax(axis=2)
    for b in (0, 1):
        path = best[: TARGETS.lengths[b], b]
        labels = [token for k, token in enumerate(path) if token != 0 and (k == 0 or token != path[k - 1])]
        assert labels == TARGETS.labels[b, : TARGETS.label_lengths[b]].tolist()
