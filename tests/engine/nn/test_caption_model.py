"""The caption model: gradients of all weights, the encoder against its equations, padding, batch mates, threads."""

from __future__ import annotations

import numpy as np
import pytest
from support.caption_models import CAPTIONS, GRID, batch, model
from support.gradcheck import assert_gradients_agree, numerical_gradient

from lstmtui.data.pair_batches import IGNORED
from lstmtui.engine.nn.picture_encoder import Grid
from lstmtui.engine.nn.translation_decoder import NO_DROPOUT, TranslationDropout

DROPOUT = TranslationDropout(0.2, 0.3, 0.2, 0.2, 0.2, key=5)
CASES = {
    "gru": {"cell": "gru"},
    "gru, two layers, dropout and smoothing": {
        "cell": "gru", "encoder_layers": 2, "dropout": DROPOUT, "smoothing": 0.1,
    },
    "lstm": {"cell": "lstm"},
    "lstm, one row": {"cell": "lstm", "grid": Grid(1, 6)},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_gradients_agree_with_central_differences(case):
    changes = dict(CASES[case])
    options = changes.pop("dropout", NO_DROPOUT), changes.pop("smoothing", 0.0)
    made, given = model(**changes), batch()
    made.gradient(given, *options)
    found = {name: view.copy() for name, view in made.gradients.views.items()}
    assert np.abs(found["positions"]).max() > 1e-4  # of every layer something depends on where a vector lies
    for name, weight in made.weights.views.items():
        expected = numerical_gradient(lambda: made.gradient(given, *options), weight)
        try:
            assert_gradients_agree(found[name], expected, 1e-6)  # width^2 and rounding, see numerical_gradient
        except AssertionError as error:
            raise AssertionError(name) from error


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def minimal_gru(weights, name, sequence):
    """Return the outputs (T, H) of a GRU over one sequence (T, D), from the equations of the cell."""
    W_ih, W_hh, b, unit = (weights[f"{name}.{part}"] for part in ("W_ih", "W_hh", "b", "unit"))
    H, h, outputs = W_hh.shape[1], np.zeros(W_hh.shape[1]), []
    for x in sequence:
        a, u = W_ih @ x + b, W_hh @ h
        r, z = sigmoid(a[:H] + u[:H]), sigmoid(a[H : 2 * H] + u[H : 2 * H])
        n = np.tanh(a[2 * H :] + r * (u[2 * H :] + unit[0]))
        h = (1 - z) * n + z * h
        outputs.append(h)
    return np.array(outputs)


def swept(weights, name, sequence):
    """Return the outputs (T, 2H) of both directions over one sequence."""
    forward = minimal_gru(weights, f"{name}.0.forward", sequence)
    backward = minimal_gru(weights, f"{name}.0.backward", sequence[::-1])[::-1]
    return np.concatenate([forward, backward], axis=1)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_memory_is_that_of_rows_then_columns(layers):
    made, given = model(encoder_layers=layers), batch()
    made.evaluate(given)
    memory, weights, (rows, columns) = made.encoder.forward().memory, made.weights, GRID
    for b in range(3):
        values = given.vectors[:, b] @ weights["patches.W"].T + weights["patches.b"] + weights["positions"]
        values = values.reshape(rows, columns, -1)
        for k in range(layers):
            values = np.stack([swept(weights, f"encoder.{k}.rows", values[r]) for r in range(rows)])
            values = np.stack([swept(weights, f"encoder.{k}.columns", values[:, c]) for c in range(columns)], axis=1)
        np.testing.assert_allclose(memory[:, b], values.reshape(GRID.positions, -1), rtol=1e-10)


def test_the_loss_is_the_mean_over_real_targets():
    made, given = model(), batch()
    nll = made.evaluate(given)
    assert not nll[given.targets == IGNORED].any()
    assert made.gradient(given) == pytest.approx(nll.sum() / given.predictions, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_padding_and_batch_mates_change_no_bit(dtype):
    together, wide = model(dtype=dtype), model((8, 5), dtype)
    nll = together.evaluate(batch())
    np.testing.assert_array_equal(nll, wide.evaluate(batch()))
    np.testing.assert_array_equal(together.alignment(), wide.alignment()[:5, :3])
    for b, caption in enumerate(CAPTIONS):
        alone = model((len(caption), 1), dtype)
        np.testing.assert_array_equal(alone.evaluate(batch([b]))[:, 0], nll[: len(caption), b])


def test_gradients_do_not_depend_on_padding():
    together, wide = model(), model((8, 5))
    for made in (together, wide):
        made.gradient(batch(), NO_DROPOUT, 0.1)
    np.testing.assert_allclose(together.gradients.flat, wide.gradients.flat, rtol=1e-10, atol=1e-14)


def test_threads_change_no_bit():
    one, two = (model(threads=threads) for threads in (1, 2))
    assert one.gradient(batch(), DROPOUT, 0.1) == two.gradient(batch(), DROPOUT, 0.1)
    np.testing.assert_array_equal(one.gradients.flat, two.gradients.flat)


def test_the_same_batch_has_the_same_gradient_again():
    made = model(dtype=np.float32)
    made.gradient(batch(), DROPOUT, 0.1)
    first = made.gradients.snapshot()
    made.gradient(batch([2, 0]))
    made.gradient(batch(), DROPOUT, 0.1)
    np.testing.assert_array_equal(made.gradients.flat, first)


def test_a_larger_batch_than_the_buffers_raises():
    with pytest.raises(ValueError, match="buffers"):
        model((5, 2)).evaluate(batch())
