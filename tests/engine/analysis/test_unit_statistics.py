"""Statistics of units over a text."""

import numpy as np

from lstmtui.engine.analysis.unit_statistics import selectivity, similar_spans, slowness, units_on_in_span


def test_the_unit_that_follows_a_token_is_the_most_selective():
    random = np.random.default_rng(0)
    tokens = random.integers(0, 5, 300)
    values = random.normal(scale=0.1, size=(300, 4))
    values[:, 2] += tokens == 3
    values[:, 1] -= 0.3 * (tokens == 1)
    score, token = selectivity(values, tokens)
    assert np.argsort(-score)[:2].tolist() == [2, 1]
    assert token[2] == 3
    assert token[1] == 1
    assert score[0] < 0.3
    assert selectivity(values[:4], np.arange(4))[1].tolist() == [-1] * 4


def test_slow_units_are_autocorrelated():
    random = np.random.default_rng(0)
    noise = random.normal(size=(500, 2))
    walk = np.cumsum(noise[:, 0])
    slow = slowness(np.stack([walk, noise[:, 1], np.ones(500)], axis=1))
    assert slow[0] > 0.9
    assert abs(slow[1]) < 0.2
    assert slow[2] == 0


def test_similar_spans_are_found_by_their_units():
    values = np.zeros((60, 6))
    for first in (10, 30, 50):
        values[first : first + 5, 0], values[first : first + 5, 1] = 0.9, -0.8
    values[30:35, 4] = 0.5  # on only once
    values[:, 5] = 0.9  # on everywhere, which marks nothing
    values[20:23, :2] = 0.9, -0.8  # too short
    units, signs = units_on_in_span(values, 11, 14, 0.3)
    assert units.tolist() == [0, 1]
    assert signs.tolist() == [1, -1]
    found = similar_spans(values, units, signs, 11, 14, 0.3)
    assert [span[:2] for span in found] == [(30, 34), (50, 54), (20, 22)]
    assert all(share == 1 for *_, share in found)
