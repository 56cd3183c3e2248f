"""Masked dot-product attention: against its equations, by central differences, and what padding and threads change."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu import attention
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16
from lstm_kernels.interface import AttentionGradients, AttentionInputs
from lstm_kernels.jit import SETTINGS
from support.gradcheck import assert_gradients_agree, numerical_gradient

PRECISIONS = ["float32", "float64"] + ["bfloat16"] * HAS_BFLOAT16
# Sums of some twenty products of numbers of size 1; a bfloat16 has 8 bits.
TOLERANCES = {"float32": 2e-5, "float64": 1e-12, "bfloat16": 0.15}
SIZES = [(1, 1, 1, 1, 1), (3, 4, 5, 7, 9), (9, 3, 6, 16, 33), (2, 5, 17, 20, 64)]
NAMES = ("queries", "keys", "memory", "dcontext")


def case(T, B, S, A, M, dtype=np.float64):
    """Return queries, keys, memory, dcontext, and lengths, of which the first is S and another is 0."""
    random = np.random.default_rng([T, B, S, A, M])
    shapes = ((T, B, A), (S, B, A), (S, B, M), (T, B, M))
    lengths = random.integers(1, S + 1, B).astype(np.int32)
    lengths[-1], lengths[0] = 0, S
    return {name: random.normal(size=shape).astype(dtype) for name, shape in zip(NAMES, shapes, strict=True)}, lengths


def reference(given, lengths, scale):
    """Return weights, context, dqueries, dkeys and dmemory by the equations, one sequence at a time, in float64."""
    q, k, m, dcontext = (given[name].astype(np.float64) for name in NAMES)
    weights = np.zeros((*q.shape[:2], len(k)))
    found = [weights, *(np.zeros_like(a) for a in (dcontext, q, k, m))]
    for b, n in enumerate(lengths):
        if n == 0:
            continue
        q_b, k_b, m_b = q[:, b], k[:n, b], m[:n, b]
        e = np.exp(scale * (q_b @ k_b.T - (q_b @ k_b.T).max(axis=1, keepdims=True)))
        a = e / e.sum(axis=1, keepdims=True)
        da = dcontext[:, b] @ m_b.T
        ds = scale * a * (da - (a * da).sum(axis=1, keepdims=True))
        weights[:, b, :n] = a
        for to, value in zip(found[1:], (a @ m_b, ds @ k_b, ds.T @ q_b, a.T @ dcontext[:, b]), strict=True):
            to[: len(value), b] = value
    return found


def run(given, lengths, scale=1.0, precision=None, threads=1, add=None):
    """Return what `reference` does, of the kernels; `add` is what dkeys and dmemory hold before they are added to."""
    q, k, m, dcontext = (given[name] for name in NAMES)
    precision = precision or q.dtype.name
    weights, context = np.full((*q.shape[:2], len(k)), np.nan, q.dtype), np.full_like(dcontext, np.nan)
    inputs = AttentionInputs(q, k, m, lengths, scale)
    attention.forward(inputs, weights, context, precision, threads)
    dq, dk, dm = (np.full_like(a, np.nan) for a in (q, k, m))
    if add is not None:
        dk[...], dm[...] = add, add
    gradients = AttentionGradients(np.full_like(weights, np.nan), dq, dk, dm)
    attention.backward(dcontext, inputs, weights, gradients, precision, threads, add=add is not None)
    return weights, context, dq, dk, dm


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_agrees_with_reference(sizes, precision):
    given, lengths = case(*sizes, np.float64 if precision == "float64" else np.float32)
    scale, tolerance = sizes[3] ** -0.5, TOLERANCES[precision]
    expected = reference(given, lengths, scale)
    for add in (None, 2.0):
        found = run(given, lengths, scale, precision, threads=2, add=add)
        for k, (got, wanted) in enumerate(zip(found, expected, strict=True)):
            before = add or 0.0 if k > 2 else 0.0
            np.testing.assert_allclose(got - before, wanted, atol=tolerance)


def test_gradients_by_central_differences():
    given, lengths = case(3, 3, 4, 5, 6)
    wanted = given["dcontext"]

    def loss():
        q, k, m = (given[name] for name in NAMES[:3])
        weights, context = np.zeros((3, 3, 4)), np.zeros_like(wanted)
        attention.forward(AttentionInputs(q, k, m, lengths, 0.7), weights, context, "float64", 1)
        return float((context * wanted).sum())

    for name, gradient in zip(NAMES[:3], run(given, lengths, 0.7)[2:], strict=True):
        assert_gradients_agree(gradient, numerical_gradient(loss, given[name]), 1e-8)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_any_number_of_threads_finds_the_same_bits(precision):
    given, lengths = case(5, 7, 19, 33, 20, np.float64 if precision == "float64" else np.float32)
    found = {
        b"".join(a.tobytes() for a in run(given, lengths, 0.5, precision, threads)) for threads in (1, 2, 3, 16)
    }  # fmt: skip
    assert len(found) == 1


@pytest.mark.skipif(SETTINGS.DISABLE_JIT, reason="NumPy's product makes no such promise")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_padding_and_the_rest_of_the_batch_change_no_bit(precision):
    T, n = 5, 3
    given, lengths = case(T, 4, 9, 20, 17, np.float64 if precision == "float64" else np.float32)
    lengths[:] = [9, n, 5, 0]
    padded = {name: np.concatenate([a, np.full_like(a, 1e30)]) for name, a in given.items()}
    padded["dcontext"][T:] = 0  # no loss behind the target's end
    padded["queries"][T:] = 1
    of_padded = run(padded, lengths, 0.5, precision)
    alone = {name: np.ascontiguousarray(a[: n if name in NAMES[1:3] else T, 1:2]) for name, a in given.items()}
    of_one = run(alone, lengths[1:2], 0.5, precision)
    for k, (got, wanted) in enumerate(zip(of_padded, of_one, strict=True)):
        got = got[: len(wanted), 1:2, :n] if k == 0 else got[: len(wanted), 1:2]
        np.testing.assert_array_equal(got, wanted)
    weights, context, dq, dk, dm = of_padded
    for b, length in enumerate(lengths):
        assert not weights[:, b, length:].any()
        assert not dk[length:, b].any()
        assert not dm[length:, b].any()
    assert not context[:, 3].any()
    assert not dq[:, 3].any()
    assert not dq[T:].any()


def test_large_scores_do_not_overflow():
    given, lengths = case(2, 2, 3, 4, 5, np.float32)
    given["queries"] *= 1e6
    lengths[:] = 3
    for array in run(given, lengths):
        assert np.isfinite(array).all()
    np.testing.assert_allclose(run(given, lengths)[0].sum(axis=2), 1, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES[:3])
def test_nan_makes_the_context_of_its_sequence_nan(name):
    given, lengths = case(2, 2, 3, 4, 5, np.float32)
    lengths[:] = 3
    given[name][1, 1, 2] = np.nan
    context = run(given, lengths)[1]
    assert np.isfinite(context[:, 0]).all()
    assert np.isnan(context[:, 1]).any()
