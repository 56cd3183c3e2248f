"""Windows over parallel streams: nothing twice, nothing lost, a pure function of the step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui.data.batches import EvaluationStreams, Streams
from lstmtui.errors import UsageError

sizes = st.tuples(st.integers(2, 200), st.integers(1, 7), st.integers(1, 9))


@given(sizes)
def test_each_stream_reads_its_own_part_in_order(size):
    N, B, T = size
    tokens = np.arange(N, dtype=np.uint16)
    if (N - 1) // B < T:
        with pytest.raises(UsageError, match=f"{B * T + 1}"):
            Streams(tokens, B, T)
        return
    streams = Streams(tokens, B, T)
    windows = [tuple(part.copy() for part in streams.window(k)) for k in range(streams.windows)]
    x = np.concatenate([window[0] for window in windows])
    y = np.concatenate([window[1] for window in windows])
    length = (N - 1) // B
    for b in range(B):
        start = b * length
        np.testing.assert_array_equal(x[:, b], np.arange(start, start + len(x)))
    np.testing.assert_array_equal(y, x + 1)
    assert length - T < len(x) <= length


def test_windows_are_contiguous_int32_in_the_same_memory():
    streams = Streams(np.arange(100, dtype=np.uint8), 3, 5)
    first = streams.window(0)
    again = streams.window(1)
    for before, after in zip(first, again, strict=True):
        assert before.__array_interface__["data"] == after.__array_interface__["data"]
        assert after.flags.c_contiguous
        assert after.dtype == np.int32
        assert after.shape == (5, 3)


def test_a_step_has_an_epoch_and_a_window():
    streams = Streams(np.zeros(41, np.uint8), 2, 5)
    assert streams.windows == 4
    assert [tuple(streams.position(step)) for step in (0, 3, 4, 11)] == [(0, 0), (0, 3), (1, 0), (2, 3)]
    with pytest.raises(IndexError):
        streams.window(4)


@given(sizes)
def test_evaluation_predicts_every_token_but_the_first_once(size):
    N, B, T = size
    tokens = np.arange(N, dtype=np.int32)
    streams = EvaluationStreams(tokens, B, T)
    predicted = []
    for k in range(streams.windows):
        x, y, weight = streams.window(k)
        assert x.shape == y.shape == weight.shape == (T, B)
        counted = weight == 1
        assert np.all(counted | (weight == 0))
        np.testing.assert_array_equal(y[counted], x[counted] + 1)
        predicted += y[counted].tolist()
    assert sorted(predicted) == list(range(1, N))
    assert streams.predictions == N - 1


@given(sizes, st.integers(1, 300))
def test_a_partial_evaluation_predicts_distinct_tokens(size, most):
    N, B, T = size
    streams = EvaluationStreams(np.arange(N, dtype=np.int32), B, T, max_predictions=most)
    predicted = []
    for k in range(streams.windows):
        x, y, weight = streams.window(k)
        np.testing.assert_array_equal(y[weight == 1], x[weight == 1] + 1)
        predicted += y[weight == 1].tolist()
    assert len(set(predicted)) == len(predicted) == streams.predictions == min(most, N - 1)


def test_a_partial_evaluation_is_spread_over_the_text():
    x, _, _ = EvaluationStreams(np.arange(101), 4, 5, max_predictions=20).window(0)
    np.testing.assert_array_equal(x[0], [0, 25, 50, 75])


def test_evaluation_windows_are_consecutive():
    streams = EvaluationStreams(np.arange(21), 2, 4)
    seen = [streams.window(k)[0].copy() for k in range(streams.windows)]
    np.testing.assert_array_equal(np.concatenate(seen)[:10], np.array([range(10), range(10, 20)]).T)


@pytest.mark.parametrize("length", [0, 1])
def test_nothing_to_predict_is_refused(length):
    with pytest.raises(UsageError, match="2"):
        EvaluationStreams(np.zeros(length, np.uint8), 1, 1)


@pytest.mark.parametrize(("B", "T"), [(0, 5), (5, 0), (-1, 1)])
def test_sizes_below_1_are_refused(B, T):
    for kind in (Streams, EvaluationStreams):
        with pytest.raises(UsageError):
            kind(np.zeros(100, np.uint8), B, T)
