"""Embedding, softmax, dropout, penalties and optimizers on the GPU, or its simulator, beside those of the processor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lstm_kernels.cpu import dropout as cpu_dropout
from lstm_kernels.cpu import optim as cpu_optim
from lstm_kernels.cpu import penalty as cpu_penalty
from lstm_kernels.cuda import arrays, dropout, embedding, optim, penalty, softmax
from lstm_kernels.cuda.arrays import to_device, to_host
from lstm_kernels.interface import Adam, FlatWeights, Update
from support import naive


def test_embedding_rows_out_and_gradients_back():
    rng = np.random.default_rng(0)
    table, dout = rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
    tokens = np.array([3, 0, 3, 1, 3, 0], np.int32)
    out, dtable = to_device(np.empty((6, 3))), to_device(np.ones((4, 3)))
    embedding.forward(to_device(table), to_device(tokens), out, 1)
    np.testing.assert_array_equal(to_host(out), table[tokens])
    embedding.backward(to_device(dout), to_device(tokens), dtable, 1)
    expected = np.ones((4, 3))
    np.add.at(expected, tokens, dout)
    np.testing.assert_allclose(to_host(dtable), expected, rtol=1e-13, atol=1e-15)
    embedding.clear(to_device(tokens[:2]), dtable, 1)
    expected[[0, 3]] = 0
    np.testing.assert_allclose(to_host(dtable), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("V", [1, 9])
def test_softmax_agrees_with_reference(V, dtype, tolerance):
    rng = np.random.default_rng(V)
    logits = rng.normal(size=(3, V), scale=4).astype(dtype)
    logits[0] += 1000  # overflows unless the largest is subtracted first
    targets = rng.integers(0, V, 3).astype(np.int32)
    nll_ref, dlogits_ref = naive.cross_entropy(logits.astype(np.float64), targets)
    on, nll = to_device(logits), to_device(np.empty(3, dtype))
    softmax.cross_entropy(on, to_device(targets), nll, 0.5, 1)
    np.testing.assert_allclose(to_host(nll), nll_ref, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(to_host(on), 0.5 * dlogits_ref, atol=tolerance)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_logits_are_heard_of(bad):
    logits, nll = np.zeros((2, 9), np.float32), to_device(np.empty(2, np.float32))
    logits[0, 5] = bad
    softmax.cross_entropy(to_device(logits), to_device(np.array([7, 7], np.int32)), nll, 1.0, 1)
    assert not np.isfinite(to_host(nll)[0])
    assert to_host(nll)[1] == pytest.approx(np.log(9), rel=1e-6)


@pytest.mark.parametrize("key", [5, -5, 2**64 + 5])
def test_masks_are_those_of_the_processor(key):
    mask, expected = to_device(np.empty((3, 5), np.float32)), np.empty((3, 5), np.float32)
    dropout.locked_mask(mask, 0.3, key)
    cpu_dropout.locked_mask(expected, 0.3, key)
    np.testing.assert_array_equal(to_host(mask), expected)
    W = np.random.default_rng(0).normal(size=17).astype(np.float32)
    out, back, dropped = to_device(np.empty_like(W)), to_device(W), np.empty_like(W)
    dropout.drop_weights(to_device(W), out, 0.4, key, 1)
    dropout.drop_weights_backward(back, 0.4, key, 1)
    cpu_dropout.drop_weights(W, dropped, 0.4, key, 1)
    np.testing.assert_array_equal(to_host(out), dropped)
    np.testing.assert_array_equal(to_host(back), dropped)


def test_masks_are_applied():
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(3, 2, 5)), rng.normal(size=(2, 5))
    on, out = to_device(x), to_device(np.empty_like(x))
    dropout.apply(on, to_device(mask), out, 1)
    np.testing.assert_array_equal(to_host(out), x * mask)
    dropout.apply(on, to_device(mask), on, 1)
    np.testing.assert_array_equal(to_host(on), x * mask)
    tokens, factors, rows = np.array([2, 0, 2], np.int32), np.array([0.0, 2.0, 0.5]), to_device(x[:, 0].copy())
    dropout.scale_rows(rows, to_device(tokens), to_device(factors), 1)
    np.testing.assert_array_equal(to_host(rows), x[:, 0] * factors[tokens][:, None])


@pytest.mark.parametrize("first", [True, False])
def test_penalties(first):
    rng = np.random.default_rng(1)
    h, dh, before = rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 2, 3)), rng.normal(size=(2, 3))
    on, dh_, before_ = to_device(h), to_device(dh), to_device(before)
    found, expected = penalty.square_sums(1), cpu_penalty.square_sums(1)
    penalty.temporal(on, dh_, before_, 0.7, first, found, 1)
    cpu_penalty.temporal(h, dh, before, 0.7, first, expected, 1)
    assert to_host(found).sum() == pytest.approx(expected.sum(), rel=1e-12)
    np.testing.assert_allclose(to_host(dh_), dh, rtol=1e-12)
    np.testing.assert_allclose(to_host(before_), before, rtol=1e-12)
    x, dx = h.reshape(-1), np.ones(h.size)
    dx_ = to_device(dx)
    penalty.activation(on.reshape(h.size), dx_, 0.7, found, 1)  # added to what is there
    cpu_penalty.activation(x, dx, 0.7, expected, 1)
    assert to_host(found).sum() == pytest.approx(expected.sum(), rel=1e-12)
    np.testing.assert_allclose(to_host(dx_), dx, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm(dtype):
    g = np.random.default_rng(0).normal(size=21).astype(dtype)
    expected = np.linalg.norm(g.astype(np.float64))
    assert optim.norm(to_device(g), None, 1) == pytest.approx(expected, rel=1e-14)
    assert optim.norm(to_device(g * dtype(1e30)), None, 1) == pytest.approx(1e30 * expected, rel=1e-6)  # beyond float32
    g[5] = np.nan
    assert math.isnan(optim.norm(to_device(g), None, 1))


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_updates_are_those_of_the_processor(dtype, averaged):
    w, g, ema = np.random.default_rng(0).normal(size=(3, 19)).astype(dtype)
    ema = ema if averaged else ema[:0]
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    for update, moments in ((sgd, 1), (adamw, 2)):
        kept = [w.copy(), g, *(np.zeros_like(w) for _ in range(moments)), ema.copy()]
        on = [to_device(a) for a in kept]
        for step in (1, 2):
            update(cpu_optim, kept, step)
            update(optim, on, step)
        for found, expected in zip(on, kept, strict=True):
            np.testing.assert_allclose(to_host(found), expected, rtol=tolerance, atol=tolerance)


def sgd(kernels, held, step):
    w, g, velocity, ema = held
    kernels.sgd(FlatWeights(w, g, ema), velocity, 0.9, Update(0.2, 0.5, 0.1, 7, 0.75), 1)


def adamw(kernels, held, step):
    w, g, m, v, ema = held
    kernels.adamw(FlatWeights(w, g, ema), Adam(m, v, 0.9, 0.99, 1e-8, step), Update(0.2, 0.5, 0.1, 7, 0.75), 1)


def test_arrays():
    a = np.arange(12.0).reshape(3, 4)
    on, other = to_device(a), arrays.zeros((3, 4), np.float64)
    assert not to_host(other).any()
    arrays.copy(on, other)
    arrays.add(other, on)
    np.testing.assert_array_equal(to_host(other), 2 * a)
    arrays.fill(other, 3)
    arrays.copy_to_device(a[:2], other[1:])
    np.testing.assert_array_equal(to_host(other), [[3, 3, 3, 3], *a[:2]])
    np.testing.assert_array_equal(arrays.to_host_strided(on.reshape(12), 5), [0, 5, 10])
    assert arrays.overlap(on, on[:1])
    assert not arrays.overlap(on, other)


def test_arrays_without_elements_have_a_shape():
    none = arrays.zeros((3, 2, 0), np.float32)
    arrays.fill(none, 1)
    arrays.copy(none, none)
    assert none[1:].shape == (2, 2, 0)
    assert none[0].shape == (2, 0)
    assert none.reshape(6, 0).shape == (6, 0)
    assert to_host(none).shape == (3, 2, 0)
    assert to_host(arrays.view(arrays.zeros(4, np.float32), 4, (0, 7))).shape == (0, 7)
