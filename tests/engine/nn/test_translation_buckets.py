"""Models by shape: their results are those of one model of the largest shape."""

from __future__ import annotations

import numpy as np
import pytest
from support.translation_cases import batch, model

from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_buckets import TranslationBuckets, rounded_shape
from lstmtui.engine.nn.translation_decoder import TranslationDropout

SHORT = batch([([1, 2, 0], [3, 0])])
LONG = batch([([*[3] * n, 0], [*[2] * m, 0]) for n, m in ((11, 3), (4, 9), (2, 2), (6, 6), (1, 8))])


def test_shapes_are_rounded_up():
    assert rounded_shape(SHORT) == (8, 8, 4)
    assert rounded_shape(LONG) == (12, 10, 8)


def fill_with_nan(buckets):
    """Spoil the memory that models share: none may read what it has not written."""
    for kind, blocks in buckets.memory.blocks.items():
        for block in blocks:
            block.fill(np.nan if kind.kind == "f" else 0)


@pytest.mark.parametrize("cell", ["gru", "lstm", "slstm", "mingru"])
def test_batches_of_any_shape_have_the_loss_and_gradient_of_one_model(cell):
    whole = model((12, 10, 8), np.float32, cell=cell)
    drop = TranslationDropout(0.2, 0.2, 0.2, 0.2, 0.2, key=3)
    buckets = TranslationBuckets(whole.sizes, whole.weights, compute=whole.compute, gradients=whole.gradients)
    averaged = Arena(whole.weights.layout)
    averaged.flat[...] = 0.5 * whole.weights.flat
    reads = TranslationBuckets(whole.sizes, averaged, compute=whole.compute, memory=buckets.memory)
    apart = TranslationBuckets(whole.sizes, averaged, compute=whole.compute)
    for given in (SHORT, LONG, SHORT):  # the short ones before and after the buffers of the softmax have grown
        fill_with_nan(buckets)
        loss = whole.gradient(given, drop, 0.1)
        expected = whole.gradients.snapshot()
        assert buckets.gradient(given, drop, 0.1) == loss
        np.testing.assert_allclose(buckets.gradients.flat, expected, rtol=1e-4, atol=1e-7)
        for evaluates, other in ((buckets, whole), (reads, apart)):
            fill_with_nan(evaluates)
            np.testing.assert_array_equal(evaluates.evaluate(given), other.evaluate(given))
    assert buckets.model(SHORT) is buckets.model(SHORT)
