from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import dropout


def mask_of(rate, key, shape=(64, 200), dtype=np.float32):
    mask = np.full(shape, np.nan, dtype)
    dropout.locked_mask(mask, rate, key)
    return mask


def test_rate_and_scale():
    mask = mask_of(0.3, 1)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.7)}
    # 12800 draws: the standard deviation of the fraction is 0.004.
    assert (mask == 0).mean() == pytest.approx(0.3, abs=0.016)
    assert (mask_of(0.0, 1) == 1).all()


def test_mask_depends_on_the_key_alone():
    np.testing.assert_array_equal(mask_of(0.5, 5), mask_of(0.5, 5))
    for other in (4, 6, 5 + 2**32, -5):
        assert (mask_of(0.5, 5) == mask_of(0.5, other)).mean() == pytest.approx(0.5, abs=0.03)
    np.testing.assert_array_equal(mask_of(0.5, 2**64 + 5), mask_of(0.5, 5))  # 64 bits of it


def splitmix64(z):
    """Steele, Lea and Flood's finalizer, in Python's own integers."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_bits_are_splitmix64():
    """A resumed run must draw what the interrupted one would have, whatever compiled the kernel."""
    key = splitmix64(42)
    bits = [splitmix64((key + n * 0x9E3779B97F4A7C15) % 2**64) for n in range(600)]
    expected = np.array([(z >> 40) / 2**24 >= 0.25 for z in bits]).reshape(6, 100)
    np.testing.assert_array_equal(mask_of(0.25, 42, (6, 100)) > 0, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_apply(threads):
    x, mask = np.random.default_rng(0).normal(size=(4, 3, 5)), mask_of(0.5, 3, (3, 5), np.float64)
    out = np.empty_like(x)
    dropout.apply(x, mask, out, threads)
    np.testing.assert_array_equal(out, x * mask)
    dropout.apply(x, mask, x, threads)
    np.testing.assert_array_equal(x, out)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_weights_and_their_gradient(threads):
    W, dW = np.random.default_rng(0).normal(size=(2, 1001)).astype(np.float32)
    out, back = np.empty_like(W), dW.copy()
    dropout.drop_weights(W, out, 0.4, 9, threads)
    dropout.drop_weights_backward(back, 0.4, 9, threads)
    kept = out != 0
    assert kept.mean() == pytest.approx(0.6, abs=0.06)
    np.testing.assert_allclose(out, np.where(kept, W / 0.6, 0), rtol=1e-6)
    np.testing.assert_allclose(back, np.where(kept, dW / 0.6, 0), rtol=1e-6)


def test_rows_are_scaled_by_the_factor_of_their_token():
    x = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
    tokens, mask = np.array([2, 0, 2, 1, 0, 2], np.int32), np.array([0.0, 2.0, 0.5], np.float32)
    for threads in (1, 2):
        found = x.copy()
        dropout.scale_rows(found, tokens, mask, threads)
        np.testing.assert_array_equal(found, x * mask[tokens][:, None])
