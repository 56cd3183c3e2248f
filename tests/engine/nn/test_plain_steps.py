"""What answers while the kernels are compiled computes what they compute."""

from __future__ import annotations

import numpy as np
import pytest
from support import tiny

from lstmtui.engine.nn import plain_steps
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.params import Arena, parameters

V = 7


def network(tmp_path, **given):
    s = tiny.settings(tiny.corpus(tmp_path), **{"cell": "lstm", "precision": "float32", **given})
    weights = Arena(parameters(s, V))
    weights.initialise(3)
    return s, weights


@pytest.mark.parametrize("layers", [1, 2])
def test_logits_and_states_agree_with_compiled_ones(tmp_path, layers):
    s, weights = network(tmp_path, layers=layers)
    tokens = np.random.default_rng(0).integers(0, V, (6, 2)).astype(np.int32)
    plain, compiled = plain_steps.PlainModel(s, weights, 3), IncrementalModel(s, weights, 3)
    plain.advance(tokens[:2])
    compiled.advance(tokens[:2])
    found = plain.read(tokens[2:])
    np.testing.assert_allclose(found, compiled.read(tokens[2:]), atol=1e-5)  # float32, sums in another order
    np.testing.assert_allclose(plain.c, compiled.c, atol=1e-5)
    np.testing.assert_allclose(plain.h, compiled.h, atol=1e-5)
    assert not plain.h[:, 2].any()  # a text that was not read


def test_the_cache_remembers_what_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setattr(plain_steps, "KERNEL_CACHE", tmp_path)
    s, weights = network(tmp_path)
    assert not plain_steps.is_compiled(s, weights)
    plain_steps.mark_compiled(s, weights)
    assert plain_steps.is_compiled(s, weights)
    other, its_weights = network(tmp_path, cell="gru")
    assert not plain_steps.is_compiled(other, its_weights)
    assert not plain_steps.can_step(other)


def test_without_a_cache_nothing_stands_in(tmp_path, monkeypatch):
    monkeypatch.setattr(plain_steps, "KERNEL_CACHE", None)
    s, weights = network(tmp_path)
    plain_steps.mark_compiled(s, weights)
    assert plain_steps.is_compiled(s, weights)
