"""Accuracy, limits and non-finite values of the activations, compiled in a loop and called from Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lstm_kernels import activations
from lstm_kernels.jit import SUMS, kernel

EXACT = {
    "exp": np.exp,
    "tanh": np.tanh,
    "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    # Without cancellation for negative x, where the plain formula in float64 is no judge of relative error either.
    "sigmoid": lambda x: np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-np.abs(x)))),
}


def looped(name, fastmath=None):
    function = getattr(activations, name)

    def loop(x, out):
        for n in range(x.shape[0]):
            out[n] = function(x[n])

    compiled = kernel(loop, stamp=name) if fastmath is None else kernel(loop, stamp=name, fastmath=fastmath)

    def run(x):
        out = np.empty_like(x)
        compiled(x, out)
        return out

    return run


@pytest.mark.parametrize("name", EXACT)
def test_float32_relative_error(name):
    """Every size of argument, from denormal results of x * x to where the function is flat."""
    small = np.geomspace(1e-30, 20, 20_001)
    x = np.concatenate([-small, [0.0], small, np.linspace(-20, 20, 40_001)]).astype(np.float32)
    exact = EXACT[name](x.astype(np.float64))
    error = np.abs(looped(name)(x) - exact) / np.where(exact == 0, 1, np.abs(exact))
    assert error.max() < 5e-7


@pytest.mark.parametrize("name", EXACT)
def test_float64_is_exact(name):
    x = np.linspace(-30, 30, 10_001)
    np.testing.assert_allclose(looped(name)(x), EXACT[name](x), rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_and_nan(dtype):
    x = np.array([-np.inf, -1e30, -200, 200, 1e30, np.inf, np.nan], dtype)
    np.testing.assert_allclose(looped("tanh")(x), [-1, -1, -1, 1, 1, 1, np.nan], rtol=1e-7)
    np.testing.assert_allclose(looped("sigmoid")(x), [0, 0, 0, 1, 1, 1, np.nan], rtol=1e-7, atol=1e-37)
    np.testing.assert_allclose(looped("log_sigmoid")(x), [-np.inf, -1e30, -200, 0, 0, 0, np.nan], rtol=1e-7, atol=1e-37)
    np.testing.assert_allclose(looped("exp")(x[[0, 1, 2, 6]]), [0, 0, 0, np.nan], atol=1e-37)


@pytest.mark.parametrize("name", EXACT)
def test_a_callers_fast_math_does_not_apply(name):
    """Reassociation would undo the rounding to whole powers of two."""
    x = np.linspace(-9, 9, 1001, dtype=np.float32)
    np.testing.assert_array_equal(looped(name, SUMS)(x), looped(name)(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_python_calls_agree_with_compiled_code(dtype):
    x = np.linspace(-5, 5, 41).astype(dtype)
    for name in EXACT:
        called = [getattr(activations, name)(value) for value in x]
        np.testing.assert_allclose(called, looped(name)(x), rtol=2e-7)
        assert all(isinstance(value, float if dtype is np.float64 else np.float32) for value in called)


def test_slopes():
    y = math.tanh(0.7)
    assert activations.tanh_slope(y) == pytest.approx(1 - y * y, rel=1e-15)
    assert activations.sigmoid_slope(0.25) == 0.1875
    assert isinstance(activations.tanh_slope(np.float32(y)), np.float32)
