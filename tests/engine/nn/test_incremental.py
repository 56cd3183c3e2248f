"""In what the products of a reader are computed; that it reads right is shown where it is used."""

from __future__ import annotations

import numpy as np
import pytest
from support import tiny

from lstmtui.engine.backend import HAS_BFLOAT16, NATIVE_BFLOAT16
from lstmtui.engine.nn import incremental as reading
from lstmtui.engine.nn.incremental import IncrementalModel, inference_precision
from lstmtui.engine.nn.params import Arena, parameters

V = 7


def network(tmp_path, **given):
    s = tiny.settings(tiny.corpus(tmp_path), **given)
    weights = Arena(parameters(s, V))
    weights.initialise(3)
    return s, weights


@pytest.mark.parametrize("large", [True, False])
def test_only_large_networks_use_bfloat16_weights_by_default(tmp_path, monkeypatch, large):
    s, weights = network(tmp_path, precision="auto")
    monkeypatch.setattr(reading, "MIN_BFLOAT16_WEIGHTS", weights.flat.size + (0 if large else 1))
    halves = (HAS_BFLOAT16 and large) or NATIVE_BFLOAT16
    assert inference_precision(s, weights) == ("bfloat16" if halves else "float32")
    asked = s.changed(precision="float32")
    assert inference_precision(asked, weights) == "float32"


def test_bfloat16_weights_agree_with_float32(tmp_path):
    s, weights = network(tmp_path, precision="bfloat16")
    tokens = np.random.default_rng(0).integers(0, V, (9, 2)).astype(np.int32)
    halves = IncrementalModel(s, weights, 2).read(tokens)
    whole = IncrementalModel(s.changed(precision="float32"), weights, 2).read(tokens)
    assert not np.array_equal(halves, whole)
    np.testing.assert_allclose(halves, whole, atol=0.02 * np.abs(whole).max())  # each number has 8 bits
