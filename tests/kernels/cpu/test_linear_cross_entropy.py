"""Linear layer and cross-entropy in one, for vocabularies of one block, of several, and of several groups of them."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu.linear_cross_entropy import BLOCK, GROUP, LinearCrossEntropy
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16
from lstm_kernels.interface import Smoothing
from lstm_kernels.jit import SETTINGS
from support import naive

PRECISIONS = ["float32", "float64"] + ["bfloat16"] * HAS_BFLOAT16
# Logits are sums of some 20 products, of size 1; a bfloat16 has 8 bits.
TOLERANCES = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 0.1}


def case(N, D, V, precision):
    rng = np.random.default_rng([N, D, V])
    dtype = np.float64 if precision == "float64" else np.float32
    x, W, b = (rng.normal(size=shape).astype(dtype) for shape in ((N, D), (V, D), V))
    return x, W, b, rng.integers(0, V, N).astype(np.int32)


def run(x, W, b, targets, precision, threads=1, scale=0.5, add=False, most=0):
    """Return nll, dx, dW and db, of which the last two begin with 1 and are added to if `add`."""
    loss = LinearCrossEntropy(max(most, len(x)), *W.shape[::-1], x.dtype, precision)
    nll, dx = np.full(len(x), np.nan, x.dtype), np.full_like(x, np.nan)
    dW, db = (np.full_like(a, 1 if add else np.nan) for a in (W, b))
    loss.forward(x, W, b, targets, nll, scale, threads)
    loss.backward(x, W, targets, dx, dW, db, threads, add=add)
    return nll, dx, dW, db


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("N", "D", "V"),
    [(5, 3, 1), (1, 1, 2), (7, 9, 65), (130, 20, 2 * BLOCK + 1), (3, 8, 2 * GROUP * BLOCK + 3)],
)
def test_agrees_with_reference(N, D, V, precision):
    x, W, b, targets = case(N, D, V, precision)
    logits = x.astype(np.float64) @ W.T.astype(np.float64) + b
    expected, dlogits = naive.cross_entropy(logits, targets)
    dlogits, tolerance = 0.5 * dlogits, TOLERANCES[precision]
    for add in (False, True):
        nll, dx, dW, db = run(x, W, b, targets, precision, threads=2, add=add, most=N + 2)
        np.testing.assert_allclose(nll, expected, atol=tolerance)
        np.testing.assert_allclose(dx, dlogits @ W, atol=tolerance)
        np.testing.assert_allclose(dW - add, dlogits.T @ x, atol=tolerance)
        np.testing.assert_allclose(db - add, dlogits.sum(axis=0), atol=tolerance)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("N", "V"), [(5, 3), (33, 2 * GROUP * BLOCK)])
def test_any_number_of_threads_finds_the_same_bits(N, V, precision):
    given = case(N, 20, V, precision)
    found = {b"".join(a.tobytes() for a in run(*given, precision, threads)) for threads in (1, 2, 3, 64)}
    assert len(found) == 1


def test_large_logits_do_not_overflow():
    x, W = np.array([[100.0], [-100.0]], np.float32), np.array([[30.0], [-30.0], [29.0]], np.float32)
    nll, dx, dW, db = run(x, W, np.zeros(3, np.float32), np.array([0, 0], np.int32), "float32")
    np.testing.assert_allclose(nll, [0, 6000])
    np.testing.assert_allclose(db, [-0.5, 0.5, 0], atol=1e-30)
    assert np.isfinite(dx).all()
    assert np.isfinite(dW).all()


@pytest.mark.parametrize("at", [0, 3, 39])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_logits_give_a_non_finite_loss(bad, at):
    x, W, b = np.zeros((2, 1), np.float32), np.ones((40, 1), np.float32), np.zeros(40, np.float32)
    b[at] = bad
    nll, *_ = run(x, W, b, np.array([7, 7], np.int32), "float32")
    assert not np.isfinite(nll).any()
    x[0] = bad
    nll, *_ = run(x, W, np.zeros(40, np.float32), np.array([7, 7], np.int32), "float32")
    assert not np.isfinite(nll[0])
    assert nll[1] == pytest.approx(np.log(40), rel=1e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("N", "V"), [(5, 1), (7, 65), (40, 2 * GROUP * BLOCK + 3)])
def test_smoothed_labels_and_ignored_targets_agree_with_reference(N, V, precision):
    x, W, b, targets = case(N, 9, V, precision)
    targets[1::3] = -1
    logits = x.astype(np.float64) @ W.T.astype(np.float64) + b
    *expected, dlogits = naive.smoothed_cross_entropy(logits, targets, 0.2)
    expected += [0.5 * dlogits @ W, 0.5 * dlogits.T @ x, 0.5 * dlogits.sum(axis=0)]
    found = smoothed(x, W, b, targets, precision, 2)
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=TOLERANCES[precision])
    assert not found[2][1::3].any()
    assert len({b"".join(a.tobytes() for a in smoothed(x, W, b, targets, precision, k)) for k in (1, 2, 3)}) == 1


def smoothed(x, W, b, targets, precision, threads):
    """Return nll, uniform, dx, dW and db for a smoothing of 0.2."""
    loss = LinearCrossEntropy(len(x), *W.shape[::-1], x.dtype, precision)
    nll, uniform = np.full((2, len(x)), np.nan, x.dtype)
    dx, dW, db = (np.full_like(a, np.nan) for a in (x, W, b))
    loss.forward(x, W, b, targets, nll, 0.5, threads, Smoothing(0.2, uniform))
    loss.backward(x, W, targets, dx, dW, db, threads)
    return nll, uniform, dx, dW, db


@pytest.mark.skipif(SETTINGS.DISABLE_JIT, reason="NumPy's product makes no such promise")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_ignored_positions_change_no_bit_of_the_others(precision):
    x, W, b, targets = case(6, 20, 300, precision)
    padded, padded_targets = np.concatenate([x, np.ones_like(x)]), np.concatenate([targets, np.full_like(targets, -1)])
    alone, beside = run(x, W, b, targets, precision), run(padded, W, b, padded_targets, precision)
    for got, wanted in zip(beside[:3], alone[:3], strict=True):  # db sums in lanes, whose number N decides
        np.testing.assert_array_equal(got[: len(wanted)], wanted)
    assert not beside[1][6:].any()
