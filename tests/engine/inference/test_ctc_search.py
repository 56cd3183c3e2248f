"""Search over the frames of an utterance: against all paths, with and without a language model; alignment."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest

from lstmtui.engine.inference import ctc_search
from lstmtui.engine.inference.ctc_search import SearchOptions, align, greedy, search

EXACT = SearchOptions(beam=400, nbest=400, least=-math.inf, margin=math.inf)


def log_probabilities(T, V, seed=1, sharpness=1.0):
    logits = sharpness * np.random.default_rng(seed).normal(size=(T, V))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def collapse(path):
    return tuple(label for label, _ in itertools.groupby(path) if label != 0)


def by_brute_force(log_p):
    """Return the log probability of every string of labels: the sum over all V^T paths."""
    T, V = log_p.shape
    found = {}
    for path in itertools.product(range(V), repeat=T):
        total = sum(log_p[t, label] for t, label in enumerate(path))
        labels = collapse(path)
        found[labels] = np.logaddexp(found.get(labels, -np.inf), total)
    return found


class Bigrams:
    """A language model that knows the label before, with an end; the last label costs half only when it is there."""

    def __init__(self, V, seed=2):
        self.table = log_probabilities(V, V, seed)
        self.last = {}

    def begin(self):
        self.last = {0: 0}
        return 0.5 * self.table[0]

    def extend(self, parents, labels, nodes):
        assert all(parent in self.last for parent in parents)
        own = [0.5 * self.table[self.last[parent], label] for parent, label in zip(parents, labels, strict=True)]
        self.last |= dict(zip(nodes, labels, strict=True))
        return np.array(own), 0.5 * self.table[labels]

    def end(self, nodes):
        return np.array([self.table[self.last[node], 0] for node in nodes])

    def score(self, labels):
        return sum(self.table[before, label] for before, label in itertools.pairwise((0, *labels, 0)))


@pytest.mark.parametrize(("T", "V"), [(1, 2), (4, 3), (5, 3), (6, 2), (4, 4)])
def test_a_wide_beam_equals_the_sum_over_all_paths(T, V):
    for seed in range(5):
        log_p = log_probabilities(T, V, seed)
        expected = by_brute_force(log_p)
        found = {best.labels: best.log_probability for best in search(log_p, EXACT)}
        assert found.keys() == expected.keys()
        np.testing.assert_allclose([found[labels] for labels in expected], list(expected.values()), atol=1e-12)
        assert math.isclose(sum(map(math.exp, found.values())), 1, rel_tol=1e-12)
        assert search(log_p, EXACT)[0].labels == max(expected, key=expected.get)


@pytest.mark.parametrize(("T", "V"), [(4, 3), (5, 3), (4, 4)])
def test_fusion_adds_the_language_model_to_every_string(T, V):
    log_p, model = log_probabilities(T, V, 3), Bigrams(V)
    options = SearchOptions(beam=400, nbest=400, least=-math.inf, margin=math.inf, weight=0.7, bonus=0.3)
    expected = {
        labels: total + 0.7 * model.score(labels) + 0.3 * len(labels) for labels, total in by_brute_force(log_p).items()
    }
    found = search(log_p, options, model)
    assert {best.labels for best in found} == expected.keys()
    for best in found:
        assert best.score == pytest.approx(expected[best.labels], abs=1e-6)  # the model's rows are float32
    assert [best.score for best in found] == sorted((best.score for best in found), reverse=True)


def test_an_even_language_model_changes_no_order():
    class Even(Bigrams):
        def __init__(self):
            self.table, self.last = np.zeros((4, 4)), {}

    log_p = log_probabilities(12, 4)
    assert [best.labels for best in search(log_p, SearchOptions(nbest=5), Even())] == [
        best.labels for best in search(log_p, SearchOptions(nbest=5))
    ]


def test_a_beginning_that_comes_back_is_merged_with_what_continues_it():
    """A narrow beam loses "a" and finds it again below "ab", which must not get a twin."""
    for seed in range(200):
        found = search(log_probabilities(12, 3, seed, 2.0), SearchOptions(beam=3, nbest=3))
        assert len({best.labels for best in found}) == len(found)
        assert all(best.log_probability <= 1e-12 for best in found)


def test_one_hypothesis_is_greedy():
    log_p = log_probabilities(9, 4)
    assert search(log_p, SearchOptions(beam=1))[0].labels == tuple(greedy(log_p))
    assert tuple(greedy(log_p)) == collapse(log_p.argmax(axis=1))
    assert greedy(np.log([[0.2, 0.8], [0.2, 0.8], [0.8, 0.2], [0.2, 0.8]])) == [1, 1]


def test_a_beam_finds_what_greedy_search_cannot():
    """No path of one label is the best, but their sum is (Graves 2012, figure 7.5)."""
    log_p = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert greedy(log_p) == []
    assert search(log_p)[0].labels == (1,)
    assert search(log_p)[0].log_probability == pytest.approx(math.log(0.64))


@pytest.mark.parametrize("options", [SearchOptions(), SearchOptions(beam=1)])
def test_no_frames_have_no_labels(options):
    best = search(np.zeros((0, 4)), options)[0]
    assert (best.labels, best.log_probability) == ((), 0.0)


def test_more_hypotheses_than_the_beam_raise():
    with pytest.raises(ValueError, match="beam"):
        search(np.zeros((1, 2)), SearchOptions(beam=2, nbest=3))


def test_two_seconds_are_searched_in_time():
    """100 frames of 30 labels take 10 ms on a quiet processor."""
    log_p = log_probabilities(100, 30, 1, 4.0)
    search(log_p)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        search(log_p)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


# --- alignment --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [[1], [1, 2], [1, 1], [2, 1, 1], [1, 2, 1]])
def test_alignment_is_the_most_probable_path(labels):
    for seed in range(5):
        log_p = log_probabilities(6, 3, seed)
        spans = align(log_p, labels)
        path = np.zeros(6, int)
        for span, label in zip(spans, labels, strict=True):
            path[span.start : span.end] = label
            assert span.peak == pytest.approx(np.exp(log_p[span.start : span.end, label].max()))
        assert collapse(path) == tuple(labels)
        best = max(
            sum(log_p[t, label] for t, label in enumerate(path))
            for path in itertools.product(range(3), repeat=6)
            if collapse(path) == tuple(labels)
        )
        assert log_p[np.arange(6), path].sum() == pytest.approx(best, abs=1e-12)


def test_labels_without_frames_enough_raise():
    assert align(log_probabilities(3, 3), []) == []
    assert [(span.start, span.end) for span in align(log_probabilities(3, 3), [1, 1])] == [(0, 1), (2, 3)]
    for T, labels in ((2, [1, 1]), (0, [1]), (1, [1, 2])):
        with pytest.raises(ValueError, match="too few"):
            align(log_probabilities(max(T, 1), 3)[:T], labels)


def test_long_alignments_stay_finite():
    log_p = log_probabilities(3000, 5, 1, 30.0)
    labels = greedy(log_p)
    assert len(align(log_p, labels)) == len(labels)
    assert math.isfinite(ctc_search.search(log_p)[0].log_probability)
