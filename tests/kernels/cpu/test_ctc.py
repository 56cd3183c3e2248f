"""CTC: against the sum over all paths, by central differences, and what is too short, padded or extreme."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from lstm_kernels.cpu import ctc
from lstm_kernels.interface import CTCTargets
from support.gradcheck import assert_gradients_agree, numerical_gradient


def run(logits, lengths, labels, scale=1.0, threads=1):
    """Return nll, aligned and the gradient of logits (T, B, V), given a tuple of labels for each utterance."""
    (T, B, _), U = logits.shape, max(map(len, labels))
    padded, dlogits = np.full((B, U), -7, np.int32), np.array(logits)
    for row, of_one in zip(padded, labels, strict=True):
        row[: len(of_one)] = of_one
    nll, aligned = np.full(B, np.nan, logits.dtype), np.full(B, -1, np.int32)
    work = np.full(ctc.work_shape(T, B, U), np.nan, logits.dtype)
    counts = np.array([len(of_one) for of_one in labels], np.int32)
    targets = CTCTargets(np.asarray(lengths, np.int32), padded, counts)
    ctc.loss(dlogits, targets, nll, aligned, work, scale, threads)
    return nll, aligned, dlogits


def collapse(path):
    """Return the labels of a path: equal neighbours merged, blanks left out."""
    return tuple(token for token, _ in itertools.groupby(path) if token != 0)


def by_all_paths(logits):
    """Return the probability of every string of labels that logits (T, V) have a path for, by it."""
    p = np.exp(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    found = {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        labels = collapse(path)
        found[labels] = found.get(labels, 0.0) + float(np.prod(p[np.arange(len(p)), path]))
    return found


@pytest.mark.parametrize(("T", "V"), [(1, 1), (1, 3), (2, 2), (3, 4), (4, 3), (5, 2), (5, 4), (6, 3)])
def test_equals_the_sum_over_all_paths_and_all_strings_sum_to_1(T, V):
    logits = np.random.default_rng([T, V]).normal(size=(T, V), scale=2)
    expected = by_all_paths(logits)
    strings = list(expected)
    nll, aligned, _ = run(np.repeat(logits[:, None], len(strings), axis=1), [T] * len(strings), strings)
    assert aligned.all()
    np.testing.assert_allclose(np.exp(-nll), list(expected.values()), rtol=1e-12, atol=1e-15)
    assert np.exp(-nll).sum() == pytest.approx(1, abs=1e-12)


def test_longest_brute_force_with_repeats_and_without_labels():
    logits = np.random.default_rng(1).normal(size=(6, 4))
    expected = by_all_paths(logits)
    strings = [(), (1,), (1, 1), (1, 1, 1), (2, 2, 3), (3, 1, 3, 1), (1, 2, 3, 1, 2, 3)]
    nll, _, _ = run(np.repeat(logits[:, None], len(strings), axis=1), [6] * len(strings), strings)
    np.testing.assert_allclose(nll, [-np.log(expected[string]) for string in strings], rtol=1e-12, atol=1e-12)


LABELS = [(1, 1, 2), (), (3,), (2, 1, 2, 1), (3, 3)]
LENGTHS = [6, 3, 1, 4, 0]


def test_gradient_by_central_differences_and_each_frame_sums_to_0():
    logits = np.random.default_rng(2).normal(size=(6, 5, 4), scale=2)
    _, aligned, dlogits = run(logits, LENGTHS, LABELS, scale=0.5)
    np.testing.assert_array_equal(aligned, [1, 1, 1, 1, 0])
    expected = numerical_gradient(lambda: 0.5 * float(run(logits, LENGTHS, LABELS)[0].sum()), logits)
    assert_gradients_agree(dlogits, expected, 1e-8)
    np.testing.assert_allclose(dlogits.sum(axis=2), 0, atol=1e-15)
    for b, n in enumerate(LENGTHS):
        assert not dlogits[n:, b].any()


@pytest.mark.parametrize(("length", "labels"), [(2, (1, 1)), (3, (1, 2, 3, 1)), (4, (2, 2, 2)), (0, (1,))])
def test_an_utterance_too_short_for_its_labels_has_no_loss_and_is_named(length, labels):
    logits = np.random.default_rng(3).normal(size=(4, 2, 4))
    nll, aligned, dlogits = run(logits, [length, 4], [labels, (1, 2)])
    np.testing.assert_array_equal(aligned, [0, 1])
    assert nll[0] == 0
    assert not dlogits[:, 0].any()
    alone = run(logits[:, 1:], [4], [(1, 2)])
    assert nll[1] == alone[0][0]
    np.testing.assert_array_equal(dlogits[:, 1:], alone[2])


def test_an_utterance_without_frames_and_labels_is_certain():
    nll, aligned, dlogits = run(np.ones((2, 1, 3)), [0], [()])
    assert (nll[0], aligned[0]) == (0, 1)
    assert not dlogits.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_padding_the_batch_and_threads_change_no_bit(dtype):
    random = np.random.default_rng(4)
    logits = random.normal(size=(9, 5, 7)).astype(dtype)
    labels = [tuple(random.integers(1, 7, n)) for n in (4, 0, 1, 3, 2)]
    lengths = [9, 4, 3, 7, 5]
    nll, _, dlogits = run(logits, lengths, labels, 0.2)
    for threads in (2, 3, 8):
        for got, wanted in zip(run(logits, lengths, labels, 0.2, threads)[::2], (nll, dlogits), strict=True):
            np.testing.assert_array_equal(got, wanted)
    for b, n in enumerate(lengths):
        alone = run(logits[:n, b : b + 1], [n], labels[b : b + 1], 0.2)
        assert alone[0][0] == nll[b]
        np.testing.assert_array_equal(alone[2], dlogits[:n, b : b + 1])


def test_float32_agrees_with_float64_in_long_utterances():
    random = np.random.default_rng(5)
    logits = random.normal(size=(400, 2, 30), scale=3)
    labels = [tuple(random.integers(1, 30, 60)), tuple(random.integers(1, 3, 100))]
    expected = run(logits, [400, 333], labels)
    found = run(logits.astype(np.float32), [400, 333], labels)
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-6)
    np.testing.assert_allclose(found[2], expected[2], atol=5e-5)


def test_loss_is_never_below_0():
    """All paths of V = 2 collapse to the labels or nearly so: the sum of their probabilities rounds to above 1."""
    for seed in range(30):
        random = np.random.default_rng(seed)
        logits = random.normal(size=(20, 8, 2), scale=0.1).astype(np.float32)
        logits[..., 1] += 25 * (seed % 3)
        logits[0::7, :, 0] += 90
        nll, _, _ = run(logits, [20] * 8, [(1,), (), (1, 1), (1, 1, 1)] * 2)
        assert (nll >= 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_minus_150_stay_finite(dtype):
    logits = np.zeros((5, 2, 4), dtype)
    logits[:, 0, 1:] = -150  # all that the labels need is next to impossible
    logits[:, 1, 0] = -150
    nll, _, dlogits = run(logits, [5, 5], [(1, 2, 3), ()])
    np.testing.assert_allclose(nll, [450 - np.log(np.float64(10)), 5 * (150 + np.log(np.float64(3)))], rtol=1e-6)
    assert np.isfinite(dlogits).all()
    np.testing.assert_allclose(dlogits.sum(axis=2), 0, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_logits_make_the_loss_nan(bad):
    logits = np.zeros((4, 2, 5), np.float32)
    logits[2, 0, 4] = bad
    nll, _, dlogits = run(logits, [4, 4], [(1, 2), (1, 2)])
    assert np.isnan(nll[0])
    assert np.isfinite(nll[1])
    assert np.isfinite(dlogits[:, 1]).all()
