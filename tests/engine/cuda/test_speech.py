"""The speech model on a GPU, or its simulator: loss and gradients as on the processor, and a stream."""

from __future__ import annotations

import numpy as np
import pytest
from support.speech_cases import batch, model

from lstmtui.engine.backend import device
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.speech_model import SpeechModel


@pytest.mark.parametrize("both", [True, False])
def test_agrees_with_the_processor(both):
    expected, drop = model(both=both), Dropout(0.2, 0.3, 0.2, key=5)
    gpu = device("cuda")
    weights = Arena(expected.weights.layout, np.float64, gpu)
    weights.restore(expected.weights.snapshot())
    gradients = Arena(weights.layout, np.float64, gpu)
    found = SpeechModel(expected.sizes, weights, expected.shape, compute=Compute("float64", 1), gradients=gradients)
    given = batch()
    assert found.gradient(given, drop) == pytest.approx(expected.gradient(given, drop), rel=1e-10)
    np.testing.assert_allclose(gradients.snapshot(), expected.gradients.flat, rtol=1e-8, atol=1e-12)
    (nll, aligned), (nll_of_cpu, aligned_of_cpu) = found.evaluate(given), expected.evaluate(given)
    np.testing.assert_allclose(nll, nll_of_cpu, rtol=1e-10)
    np.testing.assert_array_equal(aligned, aligned_of_cpu)
    log_p = found.recognise(given.frames, given.frame_lengths)
    np.testing.assert_allclose(log_p, expected.recognise(given.frames, given.frame_lengths), rtol=1e-9, atol=1e-12)
