"""The translation model: gradients of all weights, padding, batch mates, threads, precisions."""

from __future__ import annotations

import numpy as np
import pytest
from support.gradcheck import assert_gradients_agree, numerical_gradient
from support.translation_cases import PAIRS, batch, model

from lstmtui.data.pair_batches import IGNORED
from lstmtui.engine.backend import HAS_BFLOAT16
from lstmtui.engine.nn.translation_decoder import NO_DROPOUT, TranslationDropout

DROPOUT = TranslationDropout(0.2, 0.3, 0.2, 0.2, 0.2, key=5)


CASES = {
    "gru": {"cell": "gru"},
    "gru, dropout and smoothing": {"cell": "gru", "dropout": DROPOUT, "smoothing": 0.1},
    "lstm, one table": {"cell": "lstm", "joint": True},
    "slstm, two encoder layers": {"cell": "slstm", "encoder_layers": 2},
    "mingru, deep decoder": {"cell": "mingru", "lower_layers": 2, "upper_layers": 2, "dropout": DROPOUT},
}


@pytest.mark.parametrize("case", CASES)
def test_gradients_agree_with_central_differences(case):
    changes = dict(CASES[case])
    options = changes.pop("dropout", NO_DROPOUT), changes.pop("smoothing", 0.0)
    made, given = model(**changes), batch()
    made.gradient(given, *options)
    found = {name: view.copy() for name, view in made.gradients.views.items()}
    for name, weight in made.weights.views.items():
        expected = numerical_gradient(lambda: made.gradient(given, *options), weight)
        try:
            assert_gradients_agree(found[name], expected, 1e-6)  # width^2 and rounding, see numerical_gradient
        except AssertionError as error:
            raise AssertionError(name) from error


def test_the_loss_is_the_mean_over_real_targets():
    made, given = model(), batch()
    nll = made.evaluate(given)
    assert not nll[given.targets == IGNORED].any()
    assert made.gradient(given) == pytest.approx(nll.sum() / given.predictions, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", ["gru", "lstm", "slstm"])
def test_padding_and_batch_mates_change_no_bit(cell, dtype):
    together, wide = model(dtype=dtype, cell=cell), model((9, 8, 5), dtype, cell=cell)
    nll, found = together.evaluate(batch()), wide.evaluate(batch())
    np.testing.assert_array_equal(nll, found)
    np.testing.assert_array_equal(together.alignment(), wide.alignment()[:5, :3, :4])
    for b, pair in enumerate(PAIRS):
        alone = model((len(pair[0]), len(pair[1]), 1), dtype, cell=cell)
        np.testing.assert_array_equal(alone.evaluate(batch([pair]))[:, 0], nll[: len(pair[1]), b])


def test_gradients_do_not_depend_on_padding():
    together, wide = model(), model((9, 8, 5))
    for made in (together, wide):
        made.gradient(batch(), NO_DROPOUT, 0.1)
    np.testing.assert_allclose(together.gradients.flat, wide.gradients.flat, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(dtype):
    one, two = (model(dtype=dtype, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.evaluate(batch()), two.evaluate(batch()))
    assert one.gradient(batch(), DROPOUT, 0.1) == two.gradient(batch(), DROPOUT, 0.1)
    np.testing.assert_array_equal(one.gradients.flat, two.gradients.flat)


def test_the_same_batch_has_the_same_gradient_again():
    made = model(dtype=np.float32)
    made.gradient(batch(), DROPOUT, 0.1)
    first = made.gradients.snapshot()
    made.gradient(batch(PAIRS[::-1]))
    made.gradient(batch(), DROPOUT, 0.1)
    np.testing.assert_array_equal(made.gradients.flat, first)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no products of bfloat16")
def test_bfloat16_comes_close():
    exact, rounded = (model(dtype=np.float32, precision=precision) for precision in ("float32", "bfloat16"))
    assert rounded.gradient(batch()) == pytest.approx(exact.gradient(batch()), rel=0.02)
    assert np.isfinite(rounded.gradients.flat).all()


def test_alignments_are_shares_of_the_real_source():
    made = model()
    made.evaluate(batch())
    alignment = made.alignment()
    np.testing.assert_allclose(alignment.sum(axis=2), 1, rtol=1e-12)
    for b, (source, _) in enumerate(PAIRS):
        assert not alignment[:, b, len(source) :].any()


def test_a_larger_batch_than_the_buffers_raises():
    with pytest.raises(ValueError, match="buffers"):
        model((3, 5, 3)).evaluate(batch())
