import numpy as np
import pytest
from lstm_kernels.cpu import penalty

T, B, H = 4, 3, 5


def differences(loss, x):
    """Return central differences of `loss` at x, which it reads."""
    found = np.zeros_like(x)
    flat, into = x.reshape(-1), found.reshape(-1)
    for at in range(flat.size):
        kept = flat[at]
        flat[at] = kept + 1e-5
        above = loss()
        flat[at] = kept - 1e-5
        into[at] = (above - loss()) / 2e-5
        flat[at] = kept
    return found


@pytest.mark.parametrize("threads", [1, 2])
def test_activation_is_the_gradient_of_half_the_squares(threads):
    random = np.random.default_rng(1)
    x, start = random.standard_normal((2, T * B * H))
    dx, sums = start.copy(), penalty.square_sums(threads)
    penalty.activation(x, dx, 0.7, sums, threads)
    assert sums.sum() == pytest.approx(np.square(x).sum(), rel=1e-12)
    wanted = differences(lambda: 0.35 * np.square(x).sum(), x)
    np.testing.assert_allclose(dx - start, wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("first", [True, False])
def test_temporal_is_the_gradient_of_half_the_squared_steps(first, threads):
    random = np.random.default_rng(2)
    h = random.standard_normal((T + 1, B, H))
    dh, before = random.standard_normal((T, B, H)), random.standard_normal((B, H))
    found, found_before, sums = dh.copy(), before.copy(), penalty.square_sums(threads)

    def squares():
        return np.square(np.diff(h if first else h[1:], axis=0)).sum()

    penalty.temporal(h, found, found_before, 0.7, first, sums, threads)
    assert sums.sum() == pytest.approx(squares(), rel=1e-12)
    wanted = differences(lambda: 0.35 * squares(), h)
    np.testing.assert_allclose(found - dh, wanted[1:], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found_before - before, wanted[0], rtol=1e-6, atol=1e-9)
