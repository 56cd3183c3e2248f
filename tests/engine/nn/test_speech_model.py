"""The speech model: gradients of all weights, padding, batch mates, threads, precisions, streams."""

from __future__ import annotations

import numpy as np
import pytest
from support.gradcheck import assert_gradients_agree, numerical_gradient
from support.speech_cases import UTTERANCES, batch, model

from lstmtui.engine.backend import HAS_BFLOAT16
from lstmtui.engine.nn.recurrent import NO_DROPOUT, Dropout
from lstmtui.engine.nn.speech_model import is_alignable

DROPOUT = Dropout(0.2, 0.3, 0.2, key=5)
CASES = {
    "lstm": {"cell": "lstm"},
    "gru, dropout": {"cell": "gru", "dropout": DROPOUT},
    "slstm, one direction": {"cell": "slstm", "both": False},
    "lstm, one direction, dropout": {"cell": "lstm", "both": False, "dropout": DROPOUT},
    "mingru, one layer": {"cell": "mingru", "layers": 1},
}
LABELS = 5
"""Of the utterances that can be aligned."""


@pytest.mark.parametrize("case", CASES)
def test_gradients_agree_with_central_differences(case):
    changes = dict(CASES[case])
    drop, made, given = changes.pop("dropout", NO_DROPOUT), model(**changes), batch()
    made.gradient(given, drop)
    found = {name: view.copy() for name, view in made.gradients.views.items()}

    def loss():
        return float(made.evaluate(given, drop).nll.sum()) / LABELS

    for name, weight in made.weights.views.items():
        try:
            assert_gradients_agree(found[name], numerical_gradient(loss, weight), 1e-6)  # see numerical_gradient
        except AssertionError as error:
            raise AssertionError(name) from error


def test_the_loss_is_the_mean_over_labels_of_what_can_be_aligned():
    made, given = model(), batch()
    nll, aligned = made.evaluate(given)
    np.testing.assert_array_equal(aligned, [True, True, False, True])
    assert nll[2] == 0
    assert (nll[[0, 1, 3]] > 0).all()
    assert made.gradient(given) == pytest.approx(nll.sum() / LABELS, rel=1e-12)


def test_equal_neighbours_need_a_frame_between_them():
    assert is_alignable(2, np.array([1, 2]))
    assert not is_alignable(2, np.array([1, 1]))
    assert is_alignable(3, np.array([1, 1]))
    assert is_alignable(0, np.array([], np.int32))


def test_an_utterance_that_cannot_be_aligned_changes_no_gradient():
    given, made = batch(), model()
    made.gradient(given)
    expected = made.gradients.snapshot()
    kept = [0, 1, 3]
    made.gradient(batch([UTTERANCES[k] for k in kept], kept))
    np.testing.assert_allclose(made.gradients.flat, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("cell", "both"), [("lstm", True), ("gru", False), ("slstm", True)])
def test_padding_and_batch_mates_change_no_bit(cell, both, dtype):
    changes = {"dtype": dtype, "cell": cell, "both": both}
    given, together, wide = batch(), model(**changes), model((9, 7, 5), **changes)
    (nll, _), (wider, _) = together.evaluate(given), wide.evaluate(batch(padding=7.0))
    np.testing.assert_array_equal(nll, wider)
    log_p = together.recognise(given.frames, given.frame_lengths)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=2), 1, rtol=1e-5 if dtype == np.float32 else 1e-12)
    for b, (n, labels) in enumerate(UTTERANCES):
        alone, single = model((n, 1, max(1, len(labels))), **changes), batch([UTTERANCES[b]], [b])
        np.testing.assert_array_equal(alone.evaluate(single).nll, nll[b : b + 1])
        np.testing.assert_array_equal(alone.log_probabilities(n, 1)[:, 0], log_p[:n, b])


@pytest.mark.parametrize("both", [True, False])
def test_gradients_do_not_depend_on_padding(both):
    together, wide = model(both=both), model((9, 7, 5), both=both)
    together.gradient(batch())
    wide.gradient(batch(padding=7.0))
    np.testing.assert_allclose(together.gradients.flat, wide.gradients.flat, rtol=1e-10, atol=1e-14)


def test_threads_change_no_bit():
    one, two = (model(dtype=np.float32, threads=threads) for threads in (1, 2))
    assert one.gradient(batch(), DROPOUT) == two.gradient(batch(), DROPOUT)
    np.testing.assert_array_equal(one.gradients.flat, two.gradients.flat)


def test_a_stream_in_parts_equals_the_whole_utterance():
    given, (whole, parts) = batch(), (model((6, 2, 3), np.float32, both=False) for _ in range(2))
    expected = whole.recognise(given.frames[:, :2], np.array([6, 6]))
    for _ in range(2):  # and from the beginning again
        parts.begin()
        found = [parts.advance(given.frames[at:to, :2]) for at, to in ((0, 1), (1, 4), (4, 6))]
        np.testing.assert_array_equal(np.concatenate(found), expected)


def test_both_directions_read_no_stream():
    with pytest.raises(ValueError, match="stream"):
        model().begin()


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no products of bfloat16")
def test_bfloat16_comes_close():
    exact, rounded = (model(dtype=np.float32, precision=precision) for precision in ("float32", "bfloat16"))
    assert rounded.gradient(batch()) == pytest.approx(exact.gradient(batch()), rel=0.02)
    assert np.isfinite(rounded.gradients.flat).all()


def test_a_larger_batch_than_the_buffers_raises():
    for shape in ((5, 4, 3), (6, 3, 3), (6, 4, 2)):
        with pytest.raises(ValueError, match="buffers"):
            model(shape).evaluate(batch())
