"""Gradient flow of a translation model against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from support import translation_cases
from support.flow_differences import by_differences

from lstmtui.config import CELLS
from lstmtui.data.pairs import Pairs, encode_pairs, train_tokenizers
from lstmtui.engine.analysis.translation_flow import TranslationFlow, long_batch
from lstmtui.engine.analysis.translation_layers import named_layers
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_model import TranslationModel, TranslationSizes, parameters
from lstmtui.errors import UsageError

LINES = ("a b c d e a", "c c b a d e b a")


def corpus(source=LINES, target=LINES[::-1]):
    pairs = Pairs(tuple(source), tuple(target))
    tokenizers = train_tokenizers(pairs, "words", 100, joint=False)
    return encode_pairs(pairs, tokenizers), tokenizers


def small(cell: str) -> tuple[TranslationFlow, TranslationModel]:
    pairs, tokenizers = corpus()
    sizes = TranslationSizes(
        source_vocabulary=tokenizers.source.size, target_vocabulary=tokenizers.target.size, cell=cell, embedding=3,
        hidden=3, attention=2, encoder_layers=2, lower_layers=2,
    )  # fmt: skip
    weights = Arena(parameters(sizes), np.float64)
    weights.initialise(4)
    weights.flat[...] += 0.3 * np.random.default_rng(5).standard_normal(weights.flat.shape)
    flow = TranslationFlow(sizes, weights, pairs)
    return flow, flow._model


@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_central_differences(cell):
    flow, model = small(cell)
    found = flow.measure(step=12)
    assert (found.step, found.cell, found.lags) == (12, cell, 6)
    layers = named_layers(model)
    assert found.layer_names == tuple(layer.name for layer in layers)
    for number, layer in enumerate(layers):
        for lag in (2, 6):
            # Central differences of a float64 network are exact to about 1e-10.
            expected = by_differences(model, flow._batch, layer, flow._lengths(layer), (lag, 0))
            assert found.h[number, lag - 1] == pytest.approx(expected, rel=1e-5, abs=1e-9), (layer.name, lag)
    if found.c.size:
        assert found.c[0, 3] == pytest.approx(
            by_differences(model, flow._batch, layers[0], flow._lengths(layers[0]), (4, 1)), rel=1e-5, abs=1e-9
        )
    assert found.half_life.shape == ((7, 3) if CELLS[cell].memory_gate else (7, 0))


def test_layers_have_the_names_of_their_places():
    names = [layer.name for layer in named_layers(translation_cases.model(encoder_layers=2))]
    assert names == [
        "encoder 1 forward", "encoder 1 backward", "encoder 2 forward", "encoder 2 backward", "decoder 1", "decoder 2",
    ]  # fmt: skip


def test_the_longest_pairs_are_chosen_and_only_their_last_token_has_a_loss():
    pairs, _ = corpus(("a b c d e", "a b c", "a b"), ("a b c d", "a b c d e", "a"))
    batch, longest = long_batch(pairs, 2, 100)
    assert sorted(batch.pairs) == [0, 1]
    assert longest == 4
    assert (batch.targets >= 0).sum(axis=1).tolist() == [0, 0, 0, 2]


def test_pairs_that_are_long_enough_need_not_be_the_longest():
    pairs, _ = corpus(("a " * 30, "a b c d", "a b c"), ("a " * 30, "a b c d", "a b c"))
    batch, longest = long_batch(pairs, 1, 4)
    assert (batch.pairs.tolist(), longest) == ([1], 4)


def test_pairs_of_a_single_token_are_refused():
    pairs, _ = corpus(("a", "b"), ("a", "b"))
    with pytest.raises(UsageError, match="two tokens"):
        long_batch(pairs, 8, 100)
