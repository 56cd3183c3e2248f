"""The block of attention: gradients of all that it reads, segments, and batches shorter than its buffers."""

from __future__ import annotations

import numpy as np
import pytest
from support.gradcheck import assert_gradients_agree, numerical_gradient

from lstmtui.engine.nn.attention import Attention, AttentionSize

T, S, B, A, M, LENGTHS = 5, 6, 3, 4, 7, np.array([6, 0, 2], np.int32)


def case(t=T, s=S):
    """Return queries, keys, memory and the gradient of the contexts."""
    random = np.random.default_rng(1)
    return tuple(random.normal(size=shape) for shape in ((t, B, A), (s, B, A), (s, B, M), (t, B, M)))


def block(backward=True, dtype=np.float64):
    return Attention(
        AttentionSize(T, S, B, A, M), dtype=dtype, precision=np.dtype(dtype).name, threads=2, backward=backward
    )


def test_gradients_of_queries_keys_and_memory():
    attention, (*given, wanted) = block(), case()

    def loss():
        return float((attention.forward(*given, LENGTHS) * wanted).sum())

    loss()
    for gradient, array in zip(attention.backward(wanted), given, strict=True):
        assert_gradients_agree(gradient.copy(), numerical_gradient(loss, array), 1e-8)


def test_contexts_are_means_of_the_memory_by_weights_that_sum_to_1():
    attention, (queries, keys, memory, _) = block(backward=False), case()
    context = attention.forward(queries, keys, memory, LENGTHS)
    alignment = attention.alignment()
    np.testing.assert_allclose(alignment.sum(axis=2), np.broadcast_to(LENGTHS > 0, (T, B)), rtol=1e-12)
    np.testing.assert_allclose(context, np.einsum("tbs,sbm->tbm", alignment, memory), atol=1e-12)
    scores = queries[:, 2] @ keys[:2, 2].T / np.sqrt(A)
    np.testing.assert_allclose(np.log(alignment[:, 2, 0] / alignment[:, 2, 1]), scores[:, 0] - scores[:, 1], atol=1e-10)


def test_segments_add_up_to_the_whole():
    attention, (queries, keys, memory, dcontext) = block(), case()
    contexts = attention.forward(queries, keys, memory, LENGTHS).copy()
    whole = [gradient.copy() for gradient in attention.backward(dcontext)]
    parts, dqueries = ((3, 5), (0, 3)), np.zeros_like(queries)
    for start, end in parts:
        found = attention.forward(queries[start:end], keys, memory, LENGTHS)
        np.testing.assert_array_equal(found, contexts[start:end])
        dqueries[start:end], dkeys, dmemory = attention.backward(dcontext[start:end], add=start < 3)
    for gradient, expected in zip((dqueries, dkeys, dmemory), whole, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shorter_batches_use_part_of_the_buffers(dtype):
    lengths = np.array([3, 0, 2], np.int32)
    given = [np.asarray(a, dtype) for a in case(2, 3)]
    fresh = Attention(
        AttentionSize(2, 3, B, A, M), dtype=dtype, precision=np.dtype(dtype).name, threads=1, backward=True
    )
    used = block(dtype=dtype)
    used.forward(*(np.asarray(a, dtype) for a in case()[:3]), LENGTHS)
    used.backward(np.asarray(case()[3], dtype))
    for attention in (fresh, used):
        context = attention.forward(*given[:3], lengths).copy()
        found = [context, attention.alignment(), *(gradient.copy() for gradient in attention.backward(given[3]))]
        if attention is fresh:
            expected = found
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
