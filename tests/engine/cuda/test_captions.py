"""The caption model on a GPU, or its simulator: loss and gradients as on the processor."""

from __future__ import annotations

import numpy as np
import pytest
from support.caption_models import batch, model

from lstmtui.engine.backend import device
from lstmtui.engine.nn.caption_model import CaptionModel
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_decoder import TranslationDropout


def test_agrees_with_the_processor():
    expected, drop = model((3, 2)), TranslationDropout(0.2, 0.3, 0.2, 0.2, 0.2, key=5)
    gpu = device("cuda")
    weights = Arena(expected.weights.layout, np.float64, gpu)
    weights.restore(expected.weights.snapshot())
    gradients = Arena(weights.layout, np.float64, gpu)
    found = CaptionModel(
        expected.sizes, weights, expected.shape[1:], compute=Compute("float64", 1), gradients=gradients
    )
    given = batch([0, 2])
    assert found.gradient(given, drop, 0.1) == pytest.approx(expected.gradient(given, drop, 0.1), rel=1e-10)
    np.testing.assert_allclose(gradients.snapshot(), expected.gradients.flat, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.evaluate(given), expected.evaluate(given), rtol=1e-10)
    np.testing.assert_allclose(found.alignment(), expected.alignment(), rtol=1e-10)
