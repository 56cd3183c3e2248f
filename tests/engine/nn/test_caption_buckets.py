"""Models by shape: their results are those of one model of the largest shape."""

from __future__ import annotations

import numpy as np
from support.caption_models import batch, model

from lstmtui.engine.nn.caption_buckets import CaptionBuckets
from lstmtui.engine.nn.translation_decoder import TranslationDropout

SHORT, LONG = batch([0, 2]), batch([0, 1, 2, 1, 0])
DROPOUT = TranslationDropout(0.2, 0.2, 0.2, weights=0.2, key=3)  # masks of rows and columns follow the buffers


def test_batches_of_any_shape_have_the_loss_and_gradient_of_one_model():
    whole = model((8, 8), np.float32)
    buckets = CaptionBuckets(whole.sizes, whole.weights, compute=whole.compute, gradients=whole.gradients)
    for given in (SHORT, LONG, SHORT):  # none may read what another has left in the buffers
        for kind, blocks in buckets.memory.blocks.items():
            for block in blocks:
                block.fill(np.nan if kind.kind == "f" else 0)
        loss = whole.gradient(given, DROPOUT, 0.1)
        expected = whole.gradients.snapshot()
        assert buckets.gradient(given, DROPOUT, 0.1) == loss
        np.testing.assert_allclose(buckets.gradients.flat, expected, rtol=1e-4, atol=1e-7)
        np.testing.assert_array_equal(buckets.evaluate(given), whole.evaluate(given))
    assert buckets.model(SHORT) is not buckets.model(LONG)
