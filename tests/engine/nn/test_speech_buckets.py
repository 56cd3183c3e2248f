"""Models by shape: their results are those of one model of the largest shape."""

from __future__ import annotations

import numpy as np
import pytest
from support.speech_cases import batch, model

from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.speech_buckets import SpeechBuckets, rounded_shape

SHORT = batch([(5, [1, 2])], [7])
LONG = batch([(35, [1, 2] * 6), (31, [3]), (20, [4, 4]), (33, [])])


def test_shapes_are_rounded_up():
    assert rounded_shape(5, 1, 0) == (16, 1, 8)
    assert rounded_shape(35, 13, 9) == (36, 13, 16)
    assert rounded_shape(130, 33, 16) == (144, 36, 16)
    for n in range(1, 2000):
        assert n <= rounded_shape(16, n, 1)[1] <= n * 9 / 8


def fill_with_nan(buckets):
    """Spoil the memory that models share: none may read what it has not written."""
    for kind, blocks in buckets.memory.blocks.items():
        for block in blocks:
            block.fill(np.nan if kind.kind == "f" else 0)


@pytest.mark.parametrize(("cell", "both"), [("lstm", True), ("slstm", False), ("gru", True)])
def test_batches_of_any_shape_have_the_loss_and_gradient_of_one_model(cell, both):
    whole = model((36, 4, 16), np.float32, cell=cell, both=both)
    drop = Dropout(0.2, 0.2, 0.2, key=3)
    buckets = SpeechBuckets(whole.sizes, whole.weights, compute=whole.compute, gradients=whole.gradients)
    reads = SpeechBuckets(whole.sizes, whole.weights, compute=whole.compute)
    for given in (SHORT, LONG, SHORT):
        fill_with_nan(buckets)
        loss = whole.gradient(given, drop)
        expected = whole.gradients.snapshot()
        assert buckets.gradient(given, drop) == loss
        np.testing.assert_allclose(buckets.gradients.flat, expected, rtol=1e-4, atol=1e-6)
        for evaluates in (buckets, reads):
            fill_with_nan(evaluates)
            np.testing.assert_array_equal(evaluates.evaluate(given).nll, whole.evaluate(given).nll)
        np.testing.assert_array_equal(
            reads.recognise(given.frames, given.frame_lengths), whole.recognise(given.frames, given.frame_lengths)
        )
    assert buckets.model(SHORT) is buckets.model(SHORT)
