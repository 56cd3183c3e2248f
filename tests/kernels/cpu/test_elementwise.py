"""tanh, columns and means of steps: values, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import elementwise
from support.gradcheck import assert_gradients_agree, numerical_gradient

LENGTHS = np.array([4, 0, 1, 3], np.int32)
MANY = pytest.mark.parametrize("threads", [1, 2, 3])
TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@MANY
@TYPES
def test_tanh_and_its_gradient(dtype, threads):
    x, dy = np.random.default_rng(1).normal(size=(2, 37)).astype(dtype)
    y, dx = np.empty_like(x), np.empty_like(x)
    elementwise.tanh(x, y, threads)
    tolerance = 2e-6 if dtype is np.float32 else 1e-14  # of the polynomial, see `activations`
    np.testing.assert_allclose(y, np.tanh(x), rtol=tolerance)
    elementwise.tanh_backward(dy, y, dx, threads)
    np.testing.assert_allclose(dx, dy * (1 - np.square(y)), rtol=1e-5 if dtype is np.float32 else 1e-12)
    elementwise.tanh(x, x, threads)
    elementwise.tanh_backward(dy, y, dy, threads)
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(dy, dx)


@MANY
@TYPES
def test_columns_are_put_read_and_added(dtype, threads):
    left, right = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(dtype)
    wide, read = np.zeros((5, 7), dtype), np.full((5, 3), np.nan, dtype)
    elementwise.put_columns(left, 0, wide, threads)
    elementwise.put_columns(right, 4, wide, threads)
    np.testing.assert_array_equal(wide, np.hstack([left, np.zeros((5, 1), dtype), right]))
    elementwise.get_columns(wide, 4, read, threads)
    np.testing.assert_array_equal(read, right)
    elementwise.get_columns(wide, 0, read, threads, add=True)
    np.testing.assert_array_equal(read, right + left)


@MANY
@TYPES
def test_means_are_over_the_steps_of_each_sequence(dtype, threads):
    x = np.random.default_rng(1).normal(size=(4, 4, 3)).astype(dtype)
    x[LENGTHS[:, None] <= np.arange(4)] = np.nan  # [b, t]
    x = np.ascontiguousarray(x.transpose(1, 0, 2))
    out = np.full((4, 3), np.nan, dtype)
    elementwise.mean_of_steps(x, LENGTHS, out, threads)
    for b, n in enumerate(LENGTHS):
        expected = x[:n, b].mean(axis=0) if n else np.zeros(3)
        np.testing.assert_allclose(out[b], expected, rtol=1e-6)


@MANY
def test_the_gradient_of_a_mean_is_added_up_to_each_length(threads):
    x, wanted = np.random.default_rng(2).normal(size=(4, 4, 3)), np.random.default_rng(3).normal(size=(4, 3))
    out, dx = np.empty((4, 3)), np.ones((4, 4, 3))

    def loss():
        elementwise.mean_of_steps(x, LENGTHS, out, threads)
        return float((out * wanted).sum())

    elementwise.mean_of_steps_backward(wanted, LENGTHS, dx, threads)
    assert_gradients_agree(dx - 1, numerical_gradient(loss, x), 1e-9)
    for b, n in enumerate(LENGTHS):
        assert (dx[n:, b] == 1).all()
