"""Gradient flow of a caption model against central differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support import caption_models
from support.caption_cases import shape_examples
from support.flow_differences import by_differences

from lstmtui.config import PictureSettings
from lstmtui.engine.analysis.caption_flow import CaptionFlow, last_token_batch
from lstmtui.engine.nn.caption_model import parameters
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.picture_encoder import Grid
from lstmtui.errors import UsageError

PICTURES = PictureSettings(side=16, patch=8, edges=0, vectors=4, vector_size=192)
SQUARE, LINE = Grid(2, 2), Grid(1, 4)


def flow_of(grid: Grid) -> CaptionFlow:
    examples = shape_examples()
    sizes = caption_models.sizes(
        grid=grid, vector=192, target_vocabulary=int(examples.tokens.flat.max()) + 1, cell="gru"
    )
    weights = Arena(parameters(sizes), np.float64)
    weights.initialise(4)
    weights.flat[...] += 0.3 * np.random.default_rng(5).standard_normal(weights.flat.shape)
    return CaptionFlow(sizes, weights, examples, PICTURES, sequences=2)


def test_agrees_with_central_differences():
    flow = flow_of(SQUARE)
    found = flow.measure(step=12)
    assert (found.step, found.lags) == (12, 2)
    names = [f"{along} 1 {way}" for along in ("rows", "columns") for way in ("forward", "backward")]
    assert found.layer_names == (*names, "decoder 1", "decoder 2")
    for number, layer in enumerate(flow._layers):
        lengths = np.full(layer.stack.B, layer.steps)
        for lag in (1, 2):
            expected = by_differences(flow._model, flow._batch, layer, lengths, (lag, 0))
            # Central differences of a float64 network are exact to about 1e-10.
            assert found.h[number, lag - 1] == pytest.approx(expected, rel=1e-5, abs=1e-9), (layer.name, lag)


def test_columns_of_one_step_are_left_out():
    names = [layer.name for layer in flow_of(LINE)._layers]
    assert names == ["rows 1 forward", "rows 1 backward", "decoder 1", "decoder 2"]


def test_captions_of_a_single_token_are_refused():
    examples = shape_examples()
    ends = [examples.tokens[n][-1:] for n in range(len(examples))]
    single = dataclasses.replace(examples, tokens=type(examples.tokens).of(ends))
    with pytest.raises(UsageError, match="two tokens"):
        last_token_batch(single, PICTURES, 8)
